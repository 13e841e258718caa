import { float16ToNumber, numberToFloat16 } from '@softxent/core';
import { afterEach, describe, expect, test } from 'vitest';
import { openSession, type HostTensor } from '../runtime/index.js';
import { GraphBuilder, GraphError, float, type Shape, type Value } from './index.js';

const sessions: AsyncDisposable[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session[Symbol.asyncDispose]();
});

function f32(data: readonly number[], shape: readonly number[] = [data.length]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(data) };
}

const ramp = (length: number): number[] => Array.from({ length }, (_, i) => ((i * 7919) % 23) / 8 - 1);

async function run(g: GraphBuilder, feeds: Record<string, HostTensor>): Promise<Record<string, HostTensor>> {
  const session = await openSession(g.toBytes(), { provider: 'cpu', threads: 1 });
  sessions.push(session);
  return session.run(feeds);
}

/** Builds a graph of one float32 input, runs it, and also requires the shape that the builder worked out. */
async function evaluate(
  x: HostTensor,
  build: (g: GraphBuilder, x: Value) => Value,
): Promise<{ values: number[]; shape: readonly number[] }> {
  const g = new GraphBuilder();
  const y = g.output('y', build(g, g.input('x', x.dtype, x.shape)));
  const claimed: Shape = y.shape;
  const { y: result } = await run(g, { x });
  expect(claimed).toEqual(result!.shape);
  return { values: Array.from(result!.data, Number), shape: result!.shape };
}

describe('GraphBuilder', () => {
  test('runs a convolution that equals the sums written out', async () => {
    const x = ramp(2 * 5 * 4);
    const w = ramp(3 * 2 * 3 * 3).toReversed();
    const { values, shape } = await evaluate(f32(x, [1, 2, 5, 4]), (g, input) =>
      g.conv(input, g.initializer('w', 'float32', [3, 2, 3, 3], w), g.constant('float32', [1, 2, 3]), {
        pads: [1, 0, 1, 1],
        strides: [2, 1],
        dilations: 1,
      }),
    );
    const expected: number[] = [];
    for (let o = 0; o < 3; o++) {
      for (let i = 0; i < 3; i++) {
        for (let j = 0; j < 3; j++) {
          let sum = o + 1;
          for (let c = 0; c < 2; c++) {
            for (let k = 0; k < 3; k++) {
              for (let l = 0; l < 3; l++) {
                const row = 2 * i + k - 1;
                const column = j + l;
                if (row >= 0 && row < 5 && column < 4)
                  sum += x[(c * 5 + row) * 4 + column]! * w[((o * 2 + c) * 3 + k) * 3 + l]!;
              }
            }
          }
          expected.push(sum);
        }
      }
    }
    expect(shape).toEqual([1, 3, 3, 3]);
    values.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
  });

  test.each<[string, readonly number[], (g: GraphBuilder, x: Value) => Value]>([
    [
      'a grouped convolution',
      [2, 4, 6, 6],
      (g, x) =>
        g.conv(x, g.constant('float32', ramp(4 * 2 * 9), [4, 2, 3, 3]), null, { group: 2, dilations: 2 }),
    ],
    [
      'a transposed convolution',
      [1, 4, 3, 3],
      (g, x) =>
        g.convTranspose(x, g.constant('float32', ramp(4 * 2 * 16), [4, 2, 4, 4]), null, {
          strides: 2,
          pads: 1,
          outputPadding: [1, 0],
        }),
    ],
    ['a max pool', [1, 2, 7, 7], (g, x) => g.maxPool(x, { kernel: 3, strides: 2 })],
    [
      'a max pool that rounds up',
      [1, 2, 8, 8],
      (g, x) => g.maxPool(x, { kernel: 3, strides: 2, ceilMode: true }),
    ],
    [
      'a padded max pool that rounds up',
      [1, 1, 5, 5],
      (g, x) => g.maxPool(x, { kernel: 2, strides: 2, pads: 1, ceilMode: true }),
    ],
    [
      'an average pool',
      [1, 2, 7, 7],
      (g, x) => g.averagePool(x, { kernel: [3, 2], strides: 2, pads: [1, 0, 1, 1], countIncludePad: true }),
    ],
    ['a global average pool', [2, 3, 4, 5], (g, x) => g.globalAveragePool(x)],
    ['a reduction', [2, 3, 4], (g, x) => g.reduceSum(x, [1, -1], { keepdims: false })],
    ['a whole reduction', [2, 3, 4], (g, x) => g.reduceMax(x)],
    ['a reduction over no axis', [2, 3], (g, x) => g.reduceSum(x, [])],
    [
      'a slice',
      [4, 6],
      (g, x) =>
        g.slice(x, [
          { axis: 0, start: -3 },
          { axis: -1, start: 4, end: 0, step: -2 },
        ]),
    ],
    ['a reversal', [4], (g, x) => g.slice(x, [{ axis: 0, step: -1 }])],
    ['a reshape that copies and infers', [2, 3, 4], (g, x) => g.reshape(x, [0, -1])],
    ['a transposition', [2, 3, 4], (g, x) => g.transpose(x, [2, 0, 1])],
    ['a concatenation', [2, 3], (g, x) => g.concat([x, x, x], -1)],
    ['a pad', [2, 3], (g, x) => g.pad(x, [0, 1, 2, 0], { value: 7 })],
    ['a matrix product', [2, 3, 4], (g, x) => g.matMul(x, g.constant('float32', ramp(20), [4, 5]))],
    ['a gemm', [3, 4], (g, x) => g.gemm(x, g.constant('float32', ramp(8), [2, 4]), null, { transB: true })],
    ['a gather', [4, 3], (g, x) => g.gather(x, g.ints([2, 0]))],
    ['an expansion', [1, 3], (g, x) => g.expand(x, [4, 3])],
    ['a squeeze of an unsqueeze', [2, 3], (g, x) => g.squeeze(g.unsqueeze(x, [0, 2]), [2])],
    ['a tile', [2, 3], (g, x) => g.tile(x, [2, 1])],
    ['a flattening', [2, 3, 4], (g, x) => g.flatten(x, 1)],
    ['space to depth and back', [1, 2, 4, 6], (g, x) => g.depthToSpace(g.spaceToDepth(x, 2), 2)],
    ['space to depth', [1, 2, 4, 6], (g, x) => g.spaceToDepth(x, 2)],
    ['a running sum', [2, 3], (g, x) => g.cumSum(x, 1)],
    ['response normalisation', [1, 4, 2, 2], (g, x) => g.lrn(x, { size: 3 })],
    ['a broadcast', [3, 1], (g, x) => g.mul(x, g.constant('float32', ramp(4), [1, 4]))],
    ['an operator without a method', [2, 3], (g, x) => g.op('Erf', [x], {}, { shape: x.shape })],
  ])('works out the shape that ONNX Runtime gives: %s', async (_, shape, build) => {
    const { values } = await evaluate(f32(ramp(shape.reduce((a, b) => a * b, 1)), shape), build);
    expect(values.length).toBeGreaterThan(0);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('takes numbers as constants of the other operand, and shares equal constants', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float64', ['n']);
    g.output('y', g.add(g.mul(2, x), g.div(x, 2)));
    expect(g.initializers.length).toBe(1);
    const { y } = await run(g, { x: { dtype: 'float64', shape: [2], data: Float64Array.of(1, 3) } });
    expect(y).toEqual({ dtype: 'float64', shape: [2], data: Float64Array.of(2.5, 7.5) });
  });

  test('keeps 0 and -0 apart when it shares constants', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', []);
    g.output('up', g.div(x, 0));
    g.output('down', g.div(x, -0));
    const { up, down } = await run(g, { x: f32([1], []) });
    expect([up!.data[0], down!.data[0]]).toEqual([Infinity, -Infinity]);
  });

  test('runs one graph for every size of its symbolic dimensions', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['n', 'c']);
    g.output('y', g.reduceSum(g.exp(x), [1], { keepdims: false }));
    const session = await openSession(g.toBytes(), { provider: 'cpu', threads: 1 });
    sessions.push(session);
    for (const [n, c] of [
      [1, 1],
      [3, 2],
      [2, 5],
    ] as const) {
      const { y } = await session.run({
        x: f32(
          Array.from({ length: n * c }, () => 0),
          [n, c],
        ),
      });
      expect(y!.shape).toEqual([n]);
      expect(Array.from(y!.data, Number)).toEqual(Array.from({ length: n }, () => c));
    }
  });

  test('masks with Where, casts bools, and splits', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [4]);
    const [low, high] = g.split(g.where(g.and(g.greater(x, 0), g.not(g.equal(x, 3))), x, -1), [1, 3], 0);
    g.output('low', low!);
    g.output('high', g.cast(g.greaterOrEqual(high!, 0), 'int32'));
    const { low: first, high: rest } = await run(g, { x: f32([5, NaN, 3, 2]) });
    expect(Array.from(first!.data, Number)).toEqual([5]);
    expect(rest).toEqual({ dtype: 'int32', shape: [3], data: Int32Array.of(0, 0, 1) });
  });

  test('reads and writes float16 as bits', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float16', [3]);
    g.output('y', g.mul(x, 2));
    const bits = Uint16Array.from([0.5, -3, 1e-7].map(numberToFloat16));
    const { y } = await run(g, { x: { dtype: 'float16', shape: [3], data: bits } });
    expect(y!.dtype).toBe('float16');
    expect(Array.from(y!.data as Uint16Array, float16ToNumber)).toEqual([
      1,
      -6,
      2 * float16ToNumber(bits[2]!),
    ]);
  });

  test('gives outputs their names, also those that are inputs, constants or other outputs', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1]);
    const sum = g.add(x, 1);
    g.output('sum', sum);
    g.output('again', sum);
    g.output('copy', x);
    g.output('two', g.scalar(2));
    const results = await run(g, { x: f32([1]) });
    expect(Object.entries(results).map(([name, { data }]) => [name, data[0]])).toEqual([
      ['sum', 2],
      ['again', 2],
      ['copy', 1],
      ['two', 2],
    ]);
  });

  test('leaves out nodes and constants that no output needs', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1000]);
    g.mul(x, g.constant('float32', ramp(1000)));
    g.output('y', g.neg(x));
    expect(g.operatorCounts()).toEqual({ Neg: 1 });
    expect(g.toBytes().length).toBeLessThan(200);
  });

  test('refuses operands that do not fit, and says which', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    const y = g.input('y', 'float64', [2, 3]);
    expect(() => g.add(x, y)).toThrow("Add: 'x' is float32 and 'y' is float64");
    expect(() => g.add(x, g.constant('float32', ramp(4), [4]))).toThrow('do not broadcast (3 against 4)');
    expect(() => g.matMul(x, x)).toThrow('3 columns against 2 rows');
    expect(() => g.input('x', 'float32', [])).toThrow("the name 'x' is taken");
    expect(() => g.constant('float32', [1, 2], [3])).toThrow(GraphError);
    expect(() => g.neg(new GraphBuilder().input('z', 'float32', []))).toThrow(
      "Neg: input 0 ('z') belongs to another graph",
    );
    expect(() => g.toBytes()).toThrow('has no output');
    g.output('e', g.op('Elu', [x], { alpha: 0.5 }));
    expect(() => g.toBytes()).toThrow("attribute 'alpha': 0.5 is not a whole number");
  });

  test('passes FLOAT attributes', async () => {
    const { values } = await evaluate(f32([-1, 1]), (g, x) =>
      g.op('LeakyRelu', [x], { alpha: float(0.5) }, { shape: [2] }),
    );
    expect(values).toEqual([-0.5, 1]);
  });

  test('serialises 40 MB of weights as one copy, not number by number', () => {
    const g = new GraphBuilder();
    const weights = new Float32Array(1e7).fill(0.25);
    g.output(
      'y',
      g.add(g.input('x', 'float32', ['n', 1e7]), g.initializer('w', 'float32', [1, 1e7], weights)),
    );
    const bytes = g.toBytes();
    expect(bytes.length - weights.byteLength).toBeLessThan(300);
  });
});
