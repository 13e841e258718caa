/** The composed functions, on a backend that rounds every operation to float32 and nothing more. */
// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TfTensor } from '../tf.js';
import { composedExp, composedLog, composedLog1p, composedPow } from './elementary.js';

beforeAll(async () => void (await tf.setBackend('cpu')));

const between = (low: number, high: number): number[] =>
  Array.from({ length: 20_001 }, (_, i) => low + ((high - low) * i) / 20_000);
const powersBetween = (low: number, high: number): number[] =>
  between(Math.log(low), Math.log(high)).map(Math.exp);

/** The worst error in units of the last place of a float32. */
function worstUlp(f: (x: TfTensor) => TfTensor, truth: (x: number) => number, points: number[]): number {
  const x = Float32Array.from(points);
  const got = f(tf.tensor1d(x)).dataSync();
  let worst = 0;
  for (const [i, at] of x.entries()) {
    const right = truth(at);
    const ulp = 2 ** (Math.floor(Math.log2(Math.abs(right))) - 23);
    if (right !== 0) worst = Math.max(worst, Math.abs((got[i] as number) - right) / ulp);
  }
  return worst;
}

const specials = (f: (x: TfTensor) => TfTensor, points: number[]): number[] =>
  Array.from(f(tf.tensor1d(points)).dataSync());

describe('composed functions', () => {
  it('are exact to a few ulp', () => {
    expect(worstUlp((x) => composedExp(tf, x), Math.exp, between(-87.3, 88.7))).toBeLessThan(1.5);
    expect(worstUlp((x) => composedLog(tf, x), Math.log, between(0.25, 4))).toBeLessThan(3);
    expect(worstUlp((x) => composedLog(tf, x), Math.log, powersBetween(1e-37, 1e38))).toBeLessThan(3);
    expect(worstUlp((x) => composedLog1p(tf, x), Math.log1p, between(-0.99, 4))).toBeLessThan(3);
    expect(worstUlp((x) => composedLog1p(tf, x), Math.log1p, powersBetween(1e-37, 1e38))).toBeLessThan(3);
    for (const b of [2, 0.5, 1.5, 2.5, -1.5, 0.7, 3.3, -2.2, 5]) {
      expect(
        worstUlp(
          (x) => composedPow(tf, x, b),
          (x) => x ** b,
          powersBetween(1e-3, 1e3),
        ),
      ).toBeLessThan(9);
    }
  });

  it('take limits, and keep NaN', () => {
    const points = [NaN, Infinity, -Infinity, 0, -1, 200, -200];
    expect(specials((x) => composedExp(tf, x), points)).toEqual([
      NaN,
      Infinity,
      0,
      1,
      Math.fround(Math.exp(-1)),
      Infinity,
      0,
    ]);
    expect(specials((x) => composedLog(tf, x), points.slice(0, 5))).toEqual([
      NaN,
      Infinity,
      NaN,
      -Infinity,
      NaN,
    ]);
    expect(specials((x) => composedLog1p(tf, x), points.slice(0, 5))).toEqual([
      NaN,
      Infinity,
      NaN,
      0,
      -Infinity,
    ]);
    for (const b of [2.5, 1.5, 1.3, 0.7, -0.6, -1.4, 3, 0, NaN]) {
      const bases = [NaN, Infinity, 0, 1, -2];
      expect(specials((x) => composedPow(tf, x, b), bases)).toEqual(bases.map((a) => Math.fround(a ** b)));
    }
  });
});
