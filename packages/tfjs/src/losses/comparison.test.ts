/** Where TensorFlow.js's own losses are right, softxent's agree with them; where they are not, this says how. The README lists it. */
import { openSync, sigmoidCrossEntropy, softmaxCrossEntropy, type SyncSession } from '@softxent/core';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tfjs, tfLosses, type TfLosses } from '../index.js';

let session: SyncSession;
let losses: TfLosses;

beforeAll(async () => {
  await tf.setBackend('cpu');
  session = openSync(tfjs(tf, { backend: 'cpu' }));
  losses = tfLosses(tf, session);
});
afterAll(() => session.dispose());

const of = (tensor: tf.Tensor): number => tensor.dataSync()[0] as number;
const t1 = Math.fround(0.999999);

describe("TensorFlow.js's losses agree", () => {
  const x = (): tf.Tensor2D => tf.tensor2d([2.5, -1, 0.3, 4, -6, 0.001], [2, 3]);

  it('for logits of moderate size: sigmoid cross-entropy, its gradient', () => {
    const t = tf.tensor2d([0.9, 0.25, 0.5, 1, 0.001, 0], [2, 3]);
    const theirs = tf.valueAndGrad((a: tf.Tensor) => tf.losses.sigmoidCrossEntropy(t, a))(x());
    const ours = tf.valueAndGrad((a: tf.Tensor) => losses.sigmoidCrossEntropy(a, t))(x());
    expect(of(ours.value)).toBeCloseTo(of(theirs.value), 6);
    expect(tf.max(tf.abs(tf.sub(ours.grad, theirs.grad))).dataSync()[0]).toBeLessThan(1e-7);
  });

  it('for rows that sum to 1: softmax cross-entropy, its gradient by the logits', () => {
    const t = tf.tensor2d([0.2, 0.3, 0.5, 0.1, 0.6, 0.3], [2, 3]);
    const theirs = tf.valueAndGrad((a: tf.Tensor) => tf.losses.softmaxCrossEntropy(t, a))(x());
    const ours = tf.valueAndGrad((a: tf.Tensor) => losses.softmaxCrossEntropy(a, t))(x());
    expect(of(ours.value)).toBeCloseTo(of(theirs.value), 6);
    expect(tf.max(tf.abs(tf.sub(ours.grad, theirs.grad))).dataSync()[0]).toBeLessThan(1e-7);
  });

  it('with tf.metrics.binaryCrossentropy for probabilities well inside (0, 1)', () => {
    const t = tf.tensor2d([0.9, 0.25, 0.5], [1, 3]);
    const p = tf.tensor2d([0.8, 0.3, 0.45], [1, 3]);
    expect(of(losses.binaryCrossEntropy(p, t))).toBeCloseTo(of(tf.metrics.binaryCrossentropy(t, p)), 5);
  });
});

describe("TensorFlow.js's losses differ", () => {
  it('at large logits that agree with the target: 3.6 % off at x = 1e4, t = 0.999999', () => {
    const truth = 1e4 * (1 - t1);
    expect(Math.abs(of(tf.losses.sigmoidCrossEntropy([t1], [1e4])) / truth - 1)).toBeGreaterThan(0.03);
    expect(
      Math.abs(of(losses.sigmoidCrossEntropy(tf.tensor1d([1e4]), tf.tensor1d([t1]))) / truth - 1),
    ).toBeLessThan(1e-6);
  });

  it('at infinite logits: NaN, not the limit', () => {
    expect(of(tf.losses.sigmoidCrossEntropy([1], [Infinity]))).toBeNaN();
    expect(of(losses.sigmoidCrossEntropy(tf.tensor1d([Infinity]), tf.tensor1d([1])))).toBe(0);
  });

  it('for a confident row that is right: softmax cross-entropy 0, where it is 2.06e-9', () => {
    const truth = Math.log1p(Math.exp(-20));
    expect(of(tf.losses.softmaxCrossEntropy([[1, 0]], [[20, 0]]))).toBe(0);
    const ours = of(losses.softmaxCrossEntropy(tf.tensor2d([[20, 0]]), tf.tensor2d([[1, 0]])));
    expect(Math.abs(ours / truth - 1)).toBeLessThan(1e-6);
  });

  const x = [1, 2, 3];
  const exps = x.map(Math.exp);
  const softmax = exps.map((e) => e / exps.reduce((a, b) => a + b));
  const half = [0, 0.25, 0.25];

  it('for rows that sum to T, not 1: the gradient by the logits is softmax - t, where it is T softmax - t', () => {
    const f = (make: (a: tf.Tensor) => tf.Tensor): number[] =>
      Array.from(
        tf
          .grad(make)(tf.tensor2d([x]))
          .dataSync(),
      );
    const theirs = f((a) => tf.losses.softmaxCrossEntropy([half], a));
    const ours = f((a) => losses.softmaxCrossEntropy(a, tf.tensor2d([half])));
    for (const [i, s] of softmax.entries()) {
      expect(theirs[i]).toBeCloseTo(s - half[i]!, 6);
      expect(ours[i]).toBeCloseTo(0.5 * s - half[i]!, 6);
    }
    // Differences of the loss itself say which is right.
    const loss = (by: number): number => of(tf.losses.softmaxCrossEntropy([half], [[1 + by, 2, 3]]));
    expect((loss(0.01) - loss(-0.01)) / 0.02).toBeCloseTo(ours[0]!, 3);
  });

  it('in the gradient by the targets: t - softmax, where it is -log softmax', () => {
    const theirs = tf.grad((t: tf.Tensor) => tf.losses.softmaxCrossEntropy(t, [x]))(tf.tensor2d([half]));
    const ours = tf.grad((t: tf.Tensor) =>
      losses.softmaxCrossEntropy(tf.tensor2d([x]), t, { gradients: ['targets'] }),
    )(tf.tensor2d([half]));
    for (const [i, s] of softmax.entries()) {
      expect(theirs.dataSync()[i]).toBeCloseTo(half[i]! - s, 6);
      expect(ours.dataSync()[i]).toBeCloseTo(-Math.log(s), 5);
    }
  });

  it('from probabilities: the losses of LayersModel cannot exceed 16.1', () => {
    const far = tf.sigmoid(tf.tensor2d([[30]]));
    expect(of(tf.metrics.binaryCrossentropy(tf.tensor2d([[0]]), far))).toBeLessThan(16.2);
    expect(
      of(losses.compute(sigmoidCrossEntropy(), { logits: tf.tensor2d([[30]]), targets: tf.tensor2d([[0]]) })),
    ).toBeCloseTo(30, 5);
    const wrong = tf.tensor2d([[-30, 0]]);
    expect(of(tf.metrics.categoricalCrossentropy(tf.tensor2d([[1, 0]]), tf.softmax(wrong)))).toBeLessThan(
      16.2,
    );
    expect(
      of(losses.compute(softmaxCrossEntropy(), { logits: wrong, targets: tf.tensor2d([[1, 0]]) })),
    ).toBeCloseTo(30, 5);
  });

  it('for elements of weight 0: NaN there is NaN in the mean', () => {
    expect(of(tf.losses.sigmoidCrossEntropy([1, 0], [NaN, 1], [0, 1]))).toBeNaN();
    const masked = losses.sigmoidCrossEntropy(tf.tensor1d([NaN, 1]), tf.tensor1d([1, 0]), {
      mask: tf.tensor1d([0, 1], 'bool'),
      reduction: 'mean-valid',
    });
    expect(of(masked)).toBeCloseTo(1 + Math.log1p(Math.exp(-1)), 6);
  });
});
