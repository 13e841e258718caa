import { openSession } from '@softxent/backend-onnx/runtime';
import { describe, expect, test } from 'vitest';
import { LayerGraph } from './graph.js';
import type { Value } from './graph.js';

async function run(
  build: (g: LayerGraph, x: Value) => Value,
  data: readonly number[] | Float32Array<ArrayBuffer>,
  shape: readonly number[] = [data.length],
): Promise<{ data: number[]; shape: readonly number[] }> {
  const g = new LayerGraph();
  g.output('y', build(g, g.input('x', shape)));
  await using session = await openSession(g.builder.toBytes(), { provider: 'cpu', threads: 1 });
  const { y } = await session.run({ x: { dtype: 'float32', shape, data: Float32Array.from(data) } });
  return { data: Array.from(y!.data as Float32Array), shape: y!.shape };
}

const ulps = (found: number, expected: number): number =>
  Math.abs(found - expected) / 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(expected)))) - 23);

describe('functions that are written out', () => {
  const xs = [-86, -40, -20, -16.5, -5, -1, -1e-3, 0, 1e-3, 1, 5, 16.5, 20, 86];

  test('sigmoid keeps its digits where it is small', async () => {
    const { data } = await run((g, x) => g.sigmoid(x), xs);
    const worst = data.map((y, i) => ulps(y, 1 / (1 + Math.exp(-Math.fround(xs[i]!)))));
    expect(Math.max(...worst)).toBeLessThan(4);
  });

  test('softplus keeps its digits where it is small', async () => {
    const { data } = await run((g, x) => g.softplus(x), xs);
    const worst = data.map((y, i) => {
      const x = Math.fround(xs[i]!);
      return ulps(y, Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
    });
    expect(Math.max(...worst)).toBeLessThan(4);
  });

  test('sign is -1, 0 or 1, and positive 0 or 1, at any size', async () => {
    const given = [-Infinity, -1e30, -1e-30, 0, -0, 1e-30, 1e30, Infinity];
    expect((await run((g, x) => g.sign(x), given)).data.map((y) => y + 0)).toEqual([
      -1, -1, -1, 0, 0, 1, 1, 1,
    ]);
    expect((await run((g, x) => g.positive(x), given)).data).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
  });
});

describe('the total of a tensor', () => {
  test.for([1, 7, 256, 257, 1009, 12 * 1009, 3 * 2 ** 16])(
    'of %i elements has the digits of float32',
    async (size) => {
      const data = Float32Array.from({ length: size }, (_, i) => 0.1 + (i % 7) * 0.01);
      const { data: found, shape } = await run((g, x) => g.total(x), data);
      const exact = data.reduce((sum, value) => sum + value, 0);
      expect(shape).toEqual([]);
      // Blocks of up to 1009 numbers in at most three levels: far below a rounding a number.
      expect(Math.abs(found[0]! - exact) / exact).toBeLessThan(1e-6);
    },
  );
});

describe('nodes', () => {
  test('that change nothing are not made, and equal ones are made once', () => {
    const g = new LayerGraph();
    const x = g.input('x', [2, 1, 3]);
    expect(g.reshape(x, [2, 1, 3])).toBe(x);
    expect(g.transpose(x, [0, 1, 2])).toBe(x);
    expect(g.mul(x, 1)).toBe(x);
    expect(g.add(x, 0)).toBe(x);
    expect(g.slice(x, [[2, 0, 3]])).toBe(x);
    expect(g.pad(x, [0, 0, 0], [0, 0, 0])).toBe(x);
    expect(g.expand(x, [2, 1, 3])).toBe(x);
    expect(g.concat([x], 0)).toBe(x);
    expect(g.exp(x)).toBe(g.exp(x));
    expect(g.exp(x)).not.toBe(g.log(x));
  });

  test('moving an axis of size 1 moves no data', () => {
    const g = new LayerGraph();
    const x = g.input('x', [2, 1, 3]);
    g.output('y', g.transpose(x, [1, 0, 2]));
    expect(g.builder.operatorCounts()).toEqual({ Reshape: 1 });
  });

  test('of shapes that do not broadcast are refused with both shapes', () => {
    const g = new LayerGraph();
    expect(() => g.add(g.input('a', [2, 3]), g.input('b', [2, 4]))).toThrow(
      "[2,3] and [2,4] ('b') do not broadcast",
    );
  });

  test('padding by negative numbers cuts', async () => {
    const { data, shape } = await run((g, x) => g.pad(x, [-1, 1], [1, -2], 9), [1, 2, 3, 4, 5, 6], [2, 3]);
    expect(shape).toEqual([2, 2]);
    expect(data).toEqual([9, 4, 9, 9]);
  });
});
