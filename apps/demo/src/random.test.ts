import { describe, expect, it } from 'vitest';
import { Random } from './random.js';

describe('Random', () => {
  it('repeats itself for the same seed', () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return [random.uniform(), random.below(1000), random.normal(), random.fork().uniform()];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('draws normal numbers of mean 0 and variance 1', () => {
    const random = new Random(1);
    const numbers = Array.from({ length: 20_000 }, () => random.normal());
    const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
    const variance = numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length;
    // Five standard errors: 1/sqrt(n) of the mean, sqrt(2/n) of the variance.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(numbers.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / numbers.length));
  });

  it('permutes every number into the order once', () => {
    const order = new Random(2).permutation(20);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});
