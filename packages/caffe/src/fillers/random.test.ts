import { describe, expect, test } from 'vitest';
import { Random } from './random.js';

function draws<T>(count: number, draw: () => T): T[] {
  return Array.from({ length: count }, draw);
}

describe('Random', () => {
  test('gives the same numbers for the same seed, and others for another', () => {
    const stream = (...seed: number[]): number[] => {
      const random = new Random(...seed);
      return draws(8, () => random.uint32());
    };
    expect(stream(7)).toEqual(stream(7));
    const streams = [stream(7), stream(8), stream(7, 0), stream(7, 1), stream(0, 7), stream(0), stream(-1)];
    expect(new Set(streams.map((numbers) => numbers.join())).size).toBe(streams.length);
  });

  test('every integer below the bound is equally likely', () => {
    const random = new Random(1);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (const value of draws(70_000, () => random.integer(7))) counts[value]!++;
    // Chi-square with 6 degrees of freedom: above 27.9 once in ten thousand seeds.
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(27.9);
  });

  test('every order of three items is equally likely', () => {
    const random = new Random(2);
    const counts = new Map<string, number>();
    for (let i = 0; i < 60_000; i++) {
      const items = ['a', 'b', 'c'];
      random.shuffle(items);
      counts.set(items.join(''), (counts.get(items.join('')) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(25.8); // 5 degrees of freedom, once in ten thousand
  });

  test('uniform stays in [0, 1) with mean 1/2 and variance 1/12', () => {
    const random = new Random(3);
    const values = draws(100_000, () => random.uniform());
    expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / values.length));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(1e-3);
  });

  test('normal deviates have the moments of the normal distribution', () => {
    const random = new Random(4);
    const values = draws(200_000, () => random.normal());
    const moment = (order: number): number => values.reduce((a, b) => a + b ** order, 0) / values.length;
    // Five standard errors of each moment.
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / values.length));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / values.length));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / values.length));
  });
});
