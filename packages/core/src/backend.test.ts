import { describe, expect, it } from 'vitest';
import { accuracyOf, type Accuracy } from './backend.js';

const accuracy: Accuracy = {
  value: { float32: 4, float64: 8 },
  gradient: { float32: 6 },
  sum: 1e-6,
  subnormals: 'kept',
  kinds: { sigmoidCrossEntropy: { gradient: { float32: 3 } }, dice: { value: { float32: 2 } } },
};

describe('the accuracy of a kind of loss', () => {
  it('is what the kind declares, and what all losses have for the rest', () => {
    expect(accuracyOf(accuracy, 'sigmoidCrossEntropy')).toMatchObject({
      value: { float32: 4, float64: 8 },
      gradient: { float32: 3 },
      sum: 1e-6,
    });
    expect(accuracyOf(accuracy, 'dice').value).toEqual({ float32: 2, float64: 8 });
  });

  it('is that of all losses where the kind declares none', () => {
    expect(accuracyOf(accuracy, 'acme/brier')).toEqual(accuracy);
    // A kind may be called as a property that every object has.
    expect(accuracyOf(accuracy, 'constructor')).toEqual(accuracy);
  });

  it('is that of all losses on a device that makes no difference', () => {
    const { kinds: _, ...plain } = accuracy;
    expect(accuracyOf(plain, 'dice')).toEqual(plain);
  });
});
