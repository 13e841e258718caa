import { describe, expect, it } from 'vitest';
import { deviationOf, ulpOf, underflowOf, type Allowance } from './ulp.js';

const exact: Allowance = { precision: 'float32', ulp: 1, stored: 'float32', relative: 0, underflow: 0 };

describe('ulpOf', () => {
  it('is the distance to the next number further from 0', () => {
    expect(ulpOf(1, 'float32')).toBe(2 ** -23);
    expect(ulpOf(-1.999, 'float32')).toBe(2 ** -23);
    expect(ulpOf(2, 'float64')).toBe(2 ** -51);
    expect(ulpOf(0.5 - 2 ** -20, 'float16')).toBe(2 ** -12);
    expect(ulpOf(2 ** 29 - 1, 'float64')).toBe(2 ** -24);
  });

  it('is the smallest number of all below the smallest normal one', () => {
    expect(ulpOf(0, 'float32')).toBe(2 ** -149);
    expect(ulpOf(1e-42, 'float32')).toBe(2 ** -149);
    expect(ulpOf(0, 'float64')).toBe(Number.MIN_VALUE);
  });
});

describe('deviationOf', () => {
  it('counts in ulp of the scale', () => {
    expect(deviationOf(1 + 2 ** -22, 1, 1, exact)).toEqual({ ulp: 2, isAllowed: false });
    expect(deviationOf(1 + 2 ** -22, 1, 4, exact)).toEqual({ ulp: 0.5, isAllowed: true });
  });

  it('special numbers have to be the same', () => {
    for (const [got, expected] of [
      [NaN, 1],
      [1, NaN],
      [Infinity, -Infinity],
      [3e38, Infinity],
      [Infinity, 3e38],
    ] as const) {
      expect(deviationOf(got, expected, Infinity, exact).isAllowed).toBe(false);
    }
    expect(deviationOf(NaN, NaN, NaN, exact).isAllowed).toBe(true);
    expect(deviationOf(-0, 0, 0, exact).isAllowed).toBe(true);
  });

  it('storing in a narrower dtype costs half an ulp of that', () => {
    const half = { ...exact, stored: 'float16' } as const;
    expect(deviationOf(1 + 2 ** -11, 1, 1, half).isAllowed).toBe(true);
    expect(deviationOf(1 + 2 ** -10, 1, 1, half).isAllowed).toBe(false);
  });

  it('flushing is allowed where it is declared', () => {
    expect(deviationOf(0, 1e-39, 1e-39, exact).isAllowed).toBe(false);
    expect(
      deviationOf(0, 1e-39, 1e-39, { ...exact, underflow: underflowOf('float32', true) }).isAllowed,
    ).toBe(true);
    expect(
      deviationOf(0, 1e-39, 1e-39, { ...exact, underflow: underflowOf('float32', false) }).isAllowed,
    ).toBe(false);
  });
});
