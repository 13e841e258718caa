// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import '@tensorflow/tfjs-backend-wasm';
import {
  DTypeError,
  InvalidTargetsError,
  OperandError,
  open,
  openSync,
  OptionError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  type Loss,
  type SyncSession,
} from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';
import { plainBackend } from '@softxent/core/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tfjs, tfLosses, type TfLosses, type TfTensor } from '../index.js';

const logits = Float32Array.of(2.5, -1, 0.3, 8, -20, 0.001);
const soft = Float32Array.of(0.9, 0.25, 0.5, 1, 0.001, 0);
const rows = Float32Array.of(0.2, 0.3, 0.5, 0.1, 0.6, 0.3);

let session: SyncSession;
let losses: TfLosses;

beforeAll(async () => {
  await tf.setBackend('cpu');
  session = openSync(plainBackend());
  losses = tfLosses(tf, session);
});
afterAll(() => session.dispose());

const t2 = (data: Float32Array | number[]): tf.Tensor2D => tf.tensor2d(Array.from(data), [2, 3]);

function expectClose(got: TfTensor, expected: ArrayLike<number>, digits = 6): void {
  const values = got.dataSync();
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of Array.from(expected).entries()) {
    expect(Math.abs((values[i] as number) - value)).toBeLessThanOrEqual(
      10 ** -digits * Math.max(1, Math.abs(value)),
    );
  }
}

describe('losses as operations', () => {
  it('give the value of the formula and its gradients by logits and targets', () => {
    const expected = referenceLoss(
      sigmoidCrossEntropy({ posWeight: 2 }),
      { logits: tensor(logits, [2, 3]), targets: tensor(soft, [2, 3]) },
      { gradients: ['logits', 'targets'] },
    );
    const f = (x: TfTensor, t: TfTensor): tf.Scalar =>
      losses.sigmoidCrossEntropy(x, t, { posWeight: 2, gradients: ['logits', 'targets'] }) as tf.Scalar;
    const { value, grads } = tf.valueAndGrads(f)([t2(logits), t2(soft)]);
    expectClose(value, [expected.value as number]);
    expectClose(grads[0]!, expected.gradients['logits']!);
    expectClose(grads[1]!, expected.gradients['targets']!);
    expect(grads[0]!.shape).toEqual([2, 3]);
  });

  it('pass a gradient that flows in on to every row', () => {
    const dy = tf.tensor1d([3, -0.5]);
    const f = (x: TfTensor): TfTensor => losses.softmaxCrossEntropy(x, t2(rows), { reduction: 'none' });
    const gradient = tf.grad(f)(t2(logits), dy);
    const expected = referenceLoss(
      softmaxCrossEntropy({ reduction: 'none' }),
      { logits: tensor(logits, [2, 3]), targets: tensor(rows, [2, 3]) },
      { gradients: ['logits'] },
    );
    expect(gradient.shape).toEqual([2, 3]);
    expectClose(
      gradient,
      Array.from(expected.gradients['logits']!, (g, i) => g * (i < 3 ? 3 : -0.5)),
    );
    const scaled = tf.grad((x) => tf.mul(losses.sigmoidCrossEntropy(x, t2(soft)), 7))(t2(logits));
    const plain = tf.grad((x) => losses.sigmoidCrossEntropy(x, t2(soft)))(t2(logits));
    expectClose(
      scaled,
      Array.from(plain.dataSync(), (g) => 7 * g),
    );
  });

  it('treat targets as constants unless asked', () => {
    const f = (x: TfTensor, t: TfTensor): tf.Scalar => losses.sigmoidCrossEntropy(x, t) as tf.Scalar;
    expect(() => tf.grads(f)([t2(logits), t2(soft)])).toThrow(/does not|Cannot compute gradient/);
    const g = tf.grad((t) => losses.sigmoidCrossEntropy(t2(logits), t, { gradients: ['targets'] }))(t2(soft));
    expectClose(
      g,
      Array.from(logits, (x) => -x / 6),
    );
  });

  it('read bool masks, and weights that broadcast', () => {
    const mask = tf.tensor2d([1, 0, 1, 1, 1, 0], [2, 3], 'bool');
    const weights = tf.tensor2d([2, 0.5], [2, 1]);
    const broken = Float32Array.from(logits).fill(NaN, 1, 2);
    const f = (x: TfTensor): TfTensor =>
      losses.sigmoidCrossEntropy(x, t2(soft), { mask, weights, reduction: 'mean-weight' });
    const { value, grad } = tf.valueAndGrad(f)(t2(broken));
    const expected = referenceLoss(
      sigmoidCrossEntropy({ reduction: 'mean-weight' }),
      {
        logits: tensor(broken, [2, 3]),
        targets: tensor(soft, [2, 3]),
        mask: tensor(Uint8Array.of(1, 0, 1, 1, 1, 0), [2, 3]),
        weights: tensor(Float32Array.of(2, 0.5), [2, 1]),
      },
      { gradients: ['logits'] },
    );
    expectClose(value, [expected.value as number]);
    expectClose(grad, expected.gradients['logits']!);
    expect(grad.dataSync()[1]).toBe(0);
  });

  it('take class labels as int32, one-hot rows as int32 or bool, all to the same bits', () => {
    const labels = tf.tensor1d([2, 0], 'int32');
    const hot = tf.oneHot(labels, 3);
    const forms = [labels, hot, tf.cast(hot, 'float32'), tf.cast(hot, 'bool')];
    const values = forms.map((targets) => losses.softmaxCrossEntropy(t2(logits), targets).dataSync()[0]);
    expect(new Set(values).size).toBe(1);
    const bits = tf.tensor2d([1, 0, 0, 1, 1, 0], [2, 3], 'bool');
    expectClose(
      losses.sigmoidCrossEntropy(t2(logits), bits),
      losses.sigmoidCrossEntropy(t2(logits), tf.cast(bits, 'float32')).dataSync(),
    );
  });

  it('count axes from the last, as TensorFlow.js does', () => {
    const x = tf.reshape(tf.linspace(-3, 3, 24), [1, 2, 3, 4]);
    const t = tf.softmax(tf.mul(x, 0.5));
    const lastAxis = losses.softmaxCrossEntropy(x, t, { reduction: 'none' });
    expect(lastAxis.shape).toEqual([1, 2, 3]);
    expect(losses.dice(x, t, { reduction: 'none' }).shape).toEqual([1, 4]);
    const nhwc = losses.compute(softmaxCrossEntropy({ axis: 3, reduction: 'none' }), {
      logits: x,
      targets: t,
    });
    expectClose(nhwc, lastAxis.dataSync());
  });

  it('cover every loss of softxent', () => {
    const p = tf.sigmoid(t2(logits));
    const q = tf.softmax(t2(logits));
    const values = {
      focal: losses.qualityFocal(t2(logits), t2(soft)),
      binary: losses.binaryCrossEntropy(p, t2(soft)),
      categorical: losses.categoricalCrossEntropy(q, t2(rows)),
      dice: losses.dice(t2(logits), t2(soft)),
      semimetric: losses.diceSemimetric(t2(logits), t2(soft)),
      jaccard: losses.jaccardMetric(t2(logits), t2(soft)),
      tversky: losses.tversky(t2(logits), t2(soft), { alpha: 0.3, beta: 0.7 }),
    };
    for (const value of Object.values(values)) expect(value.dataSync()[0]).toBeGreaterThan(0);
    expectClose(values.binary, losses.sigmoidCrossEntropy(t2(logits), t2(soft)).dataSync(), 4);
    expectClose(values.categorical, losses.softmaxCrossEntropy(t2(logits), t2(rows)).dataSync(), 4);
  });

  it('leave no tensor behind', () => {
    const [x, t] = [t2(logits), t2(soft)];
    const step = (): void => {
      tf.tidy(() => {
        tf.valueAndGrads(
          (a: TfTensor, b: TfTensor) =>
            losses.sigmoidCrossEntropy(a, b, { gradients: ['logits', 'targets'] }) as tf.Scalar,
        )([x, t]);
      });
      losses.softmaxCrossEntropy(x, t, { reduction: 'none' }).dispose();
    };
    step();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) step();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, t]);
  });

  it('are computed as well by TensorFlow.js, on another of its backends than the tensors', async () => {
    await tf.setBackend('wasm');
    await tf.setBackend('cpu');
    using other = openSync(tfjs(tf, { backend: 'wasm' }));
    const f = (x: TfTensor): TfTensor => tfLosses(tf, other).sigmoidCrossEntropy(x, t2(soft));
    const { value, grad } = tf.valueAndGrad(f)(t2(logits));
    expectClose(value, losses.sigmoidCrossEntropy(t2(logits), t2(soft)).dataSync());
    expectClose(
      grad,
      tf
        .grad((x) => losses.sigmoidCrossEntropy(x, t2(soft)))(t2(logits))
        .dataSync(),
    );
    expect(tf.getBackend()).toBe('cpu');
  });
});

describe('for LayersModel', () => {
  it('takes yTrue first and gives a scalar, or a value a sample', () => {
    const scalar = losses.forLayers(sigmoidCrossEntropy());
    expect(scalar(t2(soft), t2(logits)).shape).toEqual([]);
    const perSample = losses.forLayers(sigmoidCrossEntropy({ reduction: 'none' }));
    const values = perSample(t2(soft), t2(logits));
    expect(values.shape).toEqual([2]);
    expectClose(tf.mean(values), scalar(t2(soft), t2(logits)).dataSync());
  });
});

describe('misuse', () => {
  const loss = (options?: object): Loss => sigmoidCrossEntropy(options);

  it('is refused by operand and dtype', () => {
    const whole = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
    expect(() => losses.sigmoidCrossEntropy(whole, t2(soft))).toThrow(DTypeError);
    expect(() => losses.sigmoidCrossEntropy(whole, t2(soft))).toThrow(/logits.*int32.*float32/);
    expect(() => losses.sigmoidCrossEntropy(t2(logits), t2(soft), { mask: t2(soft) })).toThrow(
      /mask.*float32/,
    );
    const words = tf.tensor1d(['a']);
    expect(() => losses.sigmoidCrossEntropy(t2(logits), words)).toThrow(/targets.*string/);
    expect(() => losses.compute(loss(), { targets: t2(soft) })).toThrow(OperandError);
    const by = ['weights'] as unknown as ['targets'];
    expect(() => losses.sigmoidCrossEntropy(t2(logits), t2(soft), { gradients: by })).toThrow(OperandError);
  });

  it('is refused for a count that would be lost, and thrown for targets where that is asked', () => {
    expect(() => losses.sigmoidCrossEntropy(t2(logits), t2(soft), { validate: 'count' })).toThrow(
      OptionError,
    );
    const bad = t2([0, 1, 2, 0, 0, 0]);
    expect(() => losses.sigmoidCrossEntropy(t2(logits), bad, { validate: 'throw' })).toThrow(
      InvalidTargetsError,
    );
  });

  it('is refused for a session with promises', async () => {
    await using waiting = await open(plainBackend());
    expect(() => tfLosses(tf, waiting as unknown as SyncSession)).toThrow(/openSync/);
  });
});
