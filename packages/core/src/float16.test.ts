import { describe, expect, it } from 'vitest';
import { float16ToNumber, numberToFloat16 } from './float16.js';

describe('half precision', () => {
  it('brings every bit pattern back', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16ToNumber(bits);
      const back = numberToFloat16(value);
      const isSame = Number.isNaN(value) ? Number.isNaN(float16ToNumber(back)) : back === bits;
      if (!isSame) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds to the nearest, ties to even', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [float16ToNumber(bits), float16ToNumber(bits + 1)];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const found = [middle * (1 - 1e-12), middle, middle * (1 + 1e-12)].map(numberToFloat16);
      if (String(found) !== String([bits, even, bits + 1])) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('overflows to infinity from 65520 on', () => {
    expect(numberToFloat16(65519.99)).toBe(0x7bff);
    expect(numberToFloat16(65520)).toBe(0x7c00);
    expect(numberToFloat16(-1e10)).toBe(0xfc00);
  });
});
