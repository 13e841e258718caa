import { expect, test } from 'vitest';
import { binaryEntropy, distributionEntropy } from './entropy.js';

const h = (t: number): number => (t === 0 || t === 1 ? 0 : -t * Math.log(t) - (1 - t) * Math.log(1 - t));

test('the entropy of soft labels is that of each, added, looked up or not', () => {
  const labels = Float32Array.of(0, 1, 0.5, 128 / 255, 1 / 255, 12345 / 65535, 0.1234567, 1e-7);
  const [sum, valid] = binaryEntropy(labels, null);
  const expected = labels.reduce((total, t) => total + h(t), 0);
  expect(sum).toBeCloseTo(expected, 6);
  expect(valid).toBe(8);
  expect(binaryEntropy(labels, null)).toEqual([sum, valid]);
});

test('ignored labels do not count: compared exactly, or cut to whole numbers as Caffe does', () => {
  const labels = Float32Array.of(0, 0.5, 1, 255);
  expect(binaryEntropy(labels, 255)).toEqual([Math.log(2), 3]);
  expect(binaryEntropy(labels, 0)[1]).toBe(3);
  expect(binaryEntropy(labels, 0, true)).toEqual([0, 2]);
});

test('rows of targets: the least cross-entropy of each, whatever it sums to', () => {
  // Two items of three classes at two places.
  const targets = Float32Array.of(1, 0.5, 0, 0.5, 0, 0, /* item 2 */ 2, 9, 2, 9, 0, 9);
  const [sum, valid, rows] = distributionEntropy(targets, [2, 3, 2], 1, 9);
  // (1, 0, 0): 0; (.5, .5, 0): log 2; (2, 2, 0): 4 times log 2; (9, 9, 9) is ignored.
  expect(sum).toBeCloseTo(Math.log(2) + 4 * Math.log(2), 12);
  expect([valid, rows]).toEqual([3, 4]);
});
