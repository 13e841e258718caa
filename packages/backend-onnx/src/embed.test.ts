import { OptionError, ShapeError, sigmoidCrossEntropy, softmaxCrossEntropy } from '@softxent/core';
import { expect, test } from 'vitest';
import { embedLoss } from './embed.js';
import { GraphBuilder, type Value } from './graph/index.js';
import { openSession, type HostTensor } from './runtime/index.js';

async function run(
  g: GraphBuilder,
  outputs: Readonly<Record<string, Value>>,
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, HostTensor>> {
  for (const [name, value] of Object.entries(outputs)) g.output(name, value);
  await using session = await openSession(g.toBytes(), { provider: 'cpu', threads: 1 });
  return session.run(feeds);
}

const f32 = (shape: readonly number[], data: readonly number[]): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(data),
});

test('a loss in a graph that holds more gives one value an element and the gradient behind other nodes', async () => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [2, 2]);
  const targets = g.input('targets', 'float32', [2, 2]);
  const logits = g.mul(x, 2);
  const loss = embedLoss(
    g,
    sigmoidCrossEntropy({ reduction: 'none' }),
    { logits, targets },
    { gradients: ['logits'] },
  );
  const given = [0.5, -1, 3, -20];
  const wanted = [0.25, 1, 0.9, 0];
  const found = await run(
    g,
    { value: loss.value, dx: g.mul(loss.gradients.get('logits')!, 2) },
    { x: f32([2, 2], given), targets: f32([2, 2], wanted) },
  );
  expect(found['value']!.shape).toEqual([2, 2]);
  for (const [i, value] of given.entries()) {
    const z = 2 * value;
    const t = Math.fround(wanted[i]!);
    const expected = Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)));
    expect(Number(found['value']!.data[i]) / expected).toBeCloseTo(1, 5);
    expect(Number(found['dx']!.data[i])).toBeCloseTo(2 * (1 / (1 + Math.exp(-z)) - t), 5);
  }
});

test('a loss over classes gives one value a row, in the shape without the class axis', async () => {
  const g = new GraphBuilder();
  const logits = g.input('logits', 'float32', [2, 3, 2]);
  const targets = g.input('targets', 'int32', [2, 2]);
  const loss = embedLoss(g, softmaxCrossEntropy({ reduction: 'none', axis: 1 }), { logits, targets });
  const { value } = await run(
    g,
    { value: loss.value },
    {
      logits: f32([2, 3, 2], [0, 1, 0, 2, 0, 3, 5, 0, 0, 0, 0, 0]),
      targets: { dtype: 'int32', shape: [2, 2], data: Int32Array.of(0, 2, 0, 1) },
    },
  );
  expect(value!.shape).toEqual([2, 2]);
  const rows = [
    Math.log(3),
    Math.log1p(Math.exp(-1) + Math.exp(-2)),
    Math.log1p(2 * Math.exp(-5)),
    Math.log(3),
  ];
  for (const [i, row] of rows.entries()) expect(Number(value!.data[i])).toBeCloseTo(row, 5);
});

test('another reduction than none, and sizes that are not known, are refused', () => {
  const g = new GraphBuilder();
  const logits = g.input('logits', 'float32', [2]);
  const open = g.input('open', 'float32', ['n']);
  expect(() => embedLoss(g, sigmoidCrossEntropy(), { logits, targets: logits })).toThrow(OptionError);
  const loss = sigmoidCrossEntropy({ reduction: 'none' });
  expect(() => embedLoss(g, loss, { logits, targets: open })).toThrow(ShapeError);
});
