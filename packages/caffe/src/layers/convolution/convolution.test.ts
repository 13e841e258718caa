import { openSession } from '@softxent/backend-onnx/runtime';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { count, LayerGraph, range } from '../graph.js';
import type { Window } from './geometry.js';
import { convolve, correlate, scatter, spread, taps, under } from './gradients.js';

/** Sizes of a random convolution over two axes; `input` is large enough for one window. */
interface Sizes extends Window {
  readonly n: number;
  readonly group: number;
  readonly channels: number;
  readonly outputs: number;
  readonly input: readonly number[];
}

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    pad: fc.integer({ min: 0, max: 4 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    extra: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ extra, ...window }) => {
    const reach = window.dilation * (window.kernel - 1) + 1;
    return { ...window, input: Math.max(1, reach - 2 * window.pad) + extra };
  });

const sizes: fc.Arbitrary<Sizes> = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    perGroup: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    axes: fc.tuple(axis, axis),
  })
  .map(({ n, group, perGroup: [inputs, outputs], axes }) => ({
    n,
    group,
    channels: group * inputs,
    outputs: group * outputs,
    kernel: axes.map(({ kernel }) => kernel),
    stride: axes.map(({ stride }) => stride),
    pad: axes.map(({ pad }) => pad),
    dilation: axes.map(({ dilation }) => dilation),
    input: axes.map(({ input }) => input),
  }));

const placesOf = ({ kernel, stride, pad, dilation, input }: Sizes): number[] =>
  input.map(
    (size, i) => Math.floor((size + 2 * pad[i]! - dilation[i]! * (kernel[i]! - 1) - 1) / stride[i]!) + 1,
  );

/** Calls `visit` for every product of a convolution: where it stands in x [N, C, in], w [O, C/g, k] and y [N, O, out]. */
function products(given: Sizes, visit: (x: number, w: number, y: number) => void): void {
  const { n, group, channels, outputs, kernel, stride, pad, dilation, input } = given;
  const places = placesOf(given);
  const [perIn, perOut] = [channels / group, outputs / group];
  for (const [item, o, c] of taps([n, outputs, perIn]) as [number, number, number][]) {
    const channel = Math.floor(o / perOut) * perIn + c;
    for (const place of taps(places)) {
      for (const [k, tap] of taps(kernel).entries()) {
        const at = place.map((p, i) => p * stride[i]! - pad[i]! + tap[i]! * dilation[i]!);
        if (at.some((p, i) => p < 0 || p >= input[i]!)) continue;
        visit(
          ((item * channels + channel) * input[0]! + at[0]!) * input[1]! + at[1]!,
          (o * perIn + c) * count(kernel) + k,
          ((item * outputs + o) * places[0]! + place[0]!) * places[1]! + place[1]!,
        );
      }
    }
  }
}

const numbers = (size: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(range(size).map((i) => Math.sin(1 + 12.9898 * (i + 100 * seed)) * 2));

/** The largest difference, relative to the largest expected number (or 1). */
function worstOf(found: Float32Array, expected: readonly number[]): number {
  const largest = Math.max(1, ...expected.map(Math.abs));
  return Math.max(0, ...expected.map((value, i) => Math.abs(value - found[i]!))) / largest;
}

test('convolutions and both of their gradients are the sums of their products, for any geometry', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.constantFrom('cpu' as const, 'webgpu' as const, null),
      async (given, provider) => {
        const { n, group, channels, outputs, kernel, input } = given;
        const places = placesOf(given);
        const shapes = {
          x: [n, channels, ...input],
          w: [outputs, channels / group, ...kernel],
          y: [n, outputs, ...places],
        };
        // Graphs for other providers are run on the CPU, too: they differ in what they are made of.
        const g = new LayerGraph(provider);
        const [x, w, dy] = [g.input('x', shapes.x), g.input('w', shapes.w), g.input('dy', shapes.y)];
        g.output('y', convolve(g, x, w, null, given, group));
        g.output('dx', spread(g, dy, w, null, given, group, input));
        g.output('dw', correlate(g, x, dy, given, group));
        const data = {
          x: numbers(count(shapes.x), 1),
          w: numbers(count(shapes.w), 2),
          dy: numbers(count(shapes.y), 3),
        };
        await using session = await openSession(g.builder.toBytes(), {
          provider: 'cpu',
          threads: 1,
          optimization: 'extended',
        });
        const found = await session.run({
          x: { dtype: 'float32', shape: shapes.x, data: data.x },
          w: { dtype: 'float32', shape: shapes.w, data: data.w },
          dy: { dtype: 'float32', shape: shapes.y, data: data.dy },
        });
        const expected = {
          y: Array.from(data.dy, () => 0),
          dx: Array.from(data.x, () => 0),
          dw: Array.from(data.w, () => 0),
        };
        products(given, (i, k, o) => {
          expected.y[o]! += data.x[i]! * data.w[k]!;
          expected.dx[i]! += data.dy[o]! * data.w[k]!;
          expected.dw[k]! += data.dy[o]! * data.x[i]!;
        });
        for (const name of ['y', 'dx', 'dw'] as const) {
          expect(worstOf(found[name]!.data as Float32Array, expected[name])).toBeLessThan(1e-5);
        }
      },
    ),
    { numRuns: 60, seed: 8 },
  );
});

test('adding up what lies under every place counts how many windows reach a pixel', async () => {
  const window: Window = { kernel: [3, 2], stride: [2, 3], pad: [1, 0], dilation: [1, 2] };
  const input = [7, 9];
  const places = [4, 3];
  const g = new LayerGraph();
  const ones = g.input('x', [1, 1, ...input]);
  const padded = g.pad(ones, [0, 0, 1, 0], [0, 0, 1, 0]);
  const parts = taps(window.kernel).map((tap) => under(g, padded, tap, window, places));
  g.output('y', scatter(g, parts, window, places, input));
  await using session = await openSession(g.builder.toBytes(), { provider: 'cpu', threads: 1 });
  const data = new Float32Array(63).fill(1);
  const { y } = await session.run({ x: { dtype: 'float32', shape: [1, 1, 7, 9], data } });
  // Rows 2p - 1 + {0, 1, 2} for p = 0..3; columns 3q + {0, 2} for q = 0..2.
  const rows = [1, 2, 1, 2, 1, 2, 1];
  const columns = [1, 0, 1, 1, 0, 1, 1, 0, 1];
  expect(Array.from(y!.data as Float32Array)).toEqual(rows.flatMap((r) => columns.map((c) => r * c)));
});
