import { describe, expect, it } from 'vitest';
import { sumOf } from './sum.js';

describe('sumOf', () => {
  it('keeps what a plain sum loses', () => {
    expect(sumOf([1, 1e100, 1, -1e100])).toBe(2);
    expect(sumOf(Array.from({ length: 1000 }, () => 0.1))).toBe(100);
  });

  it('takes every step-th number', () => {
    expect(sumOf([1, 10, 2, 20, 3, 30], 1, 6, 2)).toBe(60);
  });

  it('is infinite or NaN where a plain sum is', () => {
    expect(sumOf([1, Infinity, 2])).toBe(Infinity);
    expect(sumOf([Infinity, -Infinity])).toBeNaN();
    expect(sumOf([1, NaN])).toBeNaN();
    expect(sumOf([])).toBe(0);
  });
});
