import { openSession } from '@softxent/backend-onnx/runtime';
import { expect, test } from 'vitest';
import { layerContext } from '../../net/layer-spec.js';
import { parseText } from '../../text/parse.js';
import { LayerGraph } from '../graph.js';
import type { LayerHost } from '../index.js';
import { layerTypes } from '../index.js';

interface Blob {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The loss of a layer as it stands in a prototxt, and the gradient of its first bottom. */
async function lossOf(
  text: string,
  bottoms: readonly Blob[],
  host: LayerHost = {},
): Promise<{ loss: number; gradient: number[] }> {
  const layer = parseText('NetParameter', `layer { name: "loss" ${text} }`).layer[0]!;
  layer.bottom = ['x', 't'];
  const type = layerTypes.get(layer.type)!;
  type.shapes(
    layerContext(
      layer,
      bottoms.map(({ shape }) => shape),
      1,
    ),
  );
  const g = new LayerGraph('cpu');
  const never = (): never => {
    throw new Error('a loss has no state and no random numbers');
  };
  const made = type.build({
    g,
    layer,
    phase: 'TRAIN',
    bottoms: bottoms.map(({ shape }, i) => g.input(`b${i}`, shape)),
    params: [],
    topCount: 1,
    host,
    training: true,
    random: never,
    state: never,
  });
  g.output('loss', made.tops[0]!);
  const one = g.constant([1], []);
  g.output('gradient', made.backward!([one], { bottoms: [true, false], params: [] }).bottoms[0]!);
  await using session = await openSession(g.builder.toBytes(), { provider: 'cpu', threads: 1 });
  const results = await session.run(
    Object.fromEntries(
      bottoms.map(({ shape, data }, i) => [
        `b${i}`,
        { dtype: 'float32' as const, shape, data: Float32Array.from(data) },
      ]),
    ),
  );
  return {
    loss: Number(results['loss']!.data[0]),
    gradient: Array.from(results['gradient']!.data as Float32Array),
  };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const crossEntropy = (x: number, t: number): number =>
  Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)));

const logits = [0.5, -1, 2, -0.25];
const targets = [0, 0.3, 0.7, 0];
const vector = (data: readonly number[]): Blob => ({ shape: [data.length], data });

test('ignore_label 0 ignores exactly the targets that are 0, and no other soft target', async () => {
  const text = 'type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: 0 normalization: VALID }';
  const { loss, gradient } = await lossOf(text, [vector(logits), vector(targets)]);
  expect(loss).toBeCloseTo((crossEntropy(-1, 0.3) + crossEntropy(2, 0.7)) / 2, 6);
  expect(gradient[0]).toBe(0);
  expect(gradient[1]).toBeCloseTo((sigmoid(-1) - 0.3) / 2, 6);
  expect(gradient[2]).toBeCloseTo((sigmoid(2) - 0.7) / 2, 6);
  expect(gradient[3]).toBe(0);
});

test("with caffeIgnoreQuirk every soft target is cut to 0 first, as Caffe's are", async () => {
  const text = 'type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: 0 normalization: VALID }';
  const { loss, gradient } = await lossOf(text, [vector(logits), vector(targets)], {
    caffeIgnoreQuirk: true,
  });
  expect(loss).toBe(0);
  expect(gradient).toEqual([0, 0, 0, 0]);
});

test('an ignored element counts for nothing, whatever its logit holds', async () => {
  const text = 'type: "SigmoidCrossEntropyLoss" loss_param { ignore_label: 255 normalization: VALID }';
  const { loss, gradient } = await lossOf(text, [vector([NaN, Infinity, 0]), vector([255, 255, 0.5])]);
  expect(loss).toBeCloseTo(Math.LN2, 6);
  expect(gradient).toEqual([0, 0, 0]);
});

test('SoftmaxWithLoss takes a distribution for every row, which need not sum to 1', async () => {
  const x = { shape: [1, 3, 2], data: [1, 0, 2, 0, -1, 3] };
  const t = { shape: [1, 3, 2], data: [0.2, 0.5, 0.5, 0.25, 0.3, 0] };
  const { loss, gradient } = await lossOf('type: "SoftmaxWithLoss"', [x, t]);
  let expected = 0;
  const slopes: number[] = Array.from({ length: 6 }, () => 0);
  for (const row of [0, 1]) {
    const at = (values: readonly number[]): number[] => [0, 1, 2].map((c) => values[c * 2 + row]!);
    const sum = at(x.data).reduce((total, value) => total + Math.exp(value), 0);
    const mass = at(t.data).reduce((total, value) => total + value, 0);
    for (const [c, value] of at(x.data).entries()) {
      expected += at(t.data)[c]! * (Math.log(sum) - value);
      slopes[c * 2 + row] = (mass * Math.exp(value)) / sum - at(t.data)[c]!;
    }
  }
  expect(loss).toBeCloseTo(expected / 2, 5);
  for (const [i, slope] of slopes.entries()) expect(gradient[i]).toBeCloseTo(slope / 2, 5);
});

test('a row of soft targets does not count where all of them are ignore_label', async () => {
  const x = { shape: [2, 2], data: [3, 1, 0, 0] };
  const t = { shape: [2, 2], data: [255, 255, 0.25, 0.75] };
  const { loss, gradient } = await lossOf('type: "SoftmaxWithLoss" loss_param { ignore_label: 255 }', [x, t]);
  expect(loss).toBeCloseTo(Math.LN2, 6);
  expect(gradient).toEqual([0, 0, 0.25, -0.25]);
});

test('a class label that is no class makes the loss NaN, so that training stops', async () => {
  const x = { shape: [1, 3], data: [1, 2, 3] };
  const { loss } = await lossOf('type: "SoftmaxWithLoss"', [x, vector([3])]);
  expect(loss).toBeNaN();
});

test('labels that fit neither rows nor logits are refused with the layer, its type and its line', async () => {
  const x = { shape: [2, 3, 4], data: [] };
  await expect(lossOf('type: "SoftmaxWithLoss"', [x, { shape: [2, 3], data: [] }])).rejects.toThrow(
    /<text>:1: layer 'loss' \(SoftmaxWithLoss\): labels 't' are \[2,3\] \(6\).*one label for each of 8 rows/,
  );
});
