import { openSession } from '@softxent/backend-onnx/runtime';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { layerContext } from '../../net/layer-spec.js';
import { parseText } from '../../text/parse.js';
import { LayerGraph, range } from '../graph.js';
import { pooling } from './layers.js';

interface Given {
  readonly method: 'MAX' | 'AVE';
  readonly floor: boolean;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly input: readonly [number, number];
  readonly provider: 'cpu' | null;
}

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    padding: fc.integer({ min: 0, max: 3 }),
    extra: fc.integer({ min: 0, max: 7 }),
  })
  .map(({ kernel, stride, padding, extra }) => ({
    kernel,
    stride,
    pad: Math.min(padding, kernel - 1),
    input: kernel + extra,
  }));

const given: fc.Arbitrary<Given> = fc
  .record({
    method: fc.constantFrom('MAX' as const, 'AVE' as const),
    floor: fc.boolean(),
    provider: fc.constantFrom('cpu' as const, null),
    axes: fc.tuple(axis, axis),
  })
  .map(({ axes: [h, w], ...rest }) => ({
    ...rest,
    kernel: [h.kernel, w.kernel],
    stride: [h.stride, w.stride],
    pad: [h.pad, w.pad],
    input: [h.input, w.input],
  }));

/** Pooling written out, window by window; `each` gets the pixels of a window and its divisor. */
function windows(
  { kernel, stride, pad, input, floor }: Given,
  each: (place: number, pixels: number[], divisor: number) => void,
): number[] {
  const padded = pad.some((size) => size > 0);
  const places = input.map((size, i) => {
    const steps = (size + 2 * pad[i]! - kernel[i]!) / stride[i]!;
    const all = (floor ? Math.floor(steps) : Math.ceil(steps)) + 1;
    return padded && (all - 1) * stride[i]! >= size + pad[i]! ? all - 1 : all;
  });
  for (const row of range(places[0]!)) {
    for (const column of range(places[1]!)) {
      const spans = [row, column].map((place, i) => {
        const start = place * stride[i]! - pad[i]!;
        const end = Math.min(start + kernel[i]!, input[i]! + pad[i]!);
        return { size: end - start, from: Math.max(start, 0), to: Math.min(end, input[i]!) };
      });
      const [h, w] = spans as [(typeof spans)[0], (typeof spans)[0]];
      const pixels = range(Math.max(0, h.to - h.from)).flatMap((y) =>
        range(Math.max(0, w.to - w.from)).map((x) => (h.from + y) * input[1] + w.from + x),
      );
      each(row * places[1]! + column, pixels, h.size * w.size);
    }
  }
  return places;
}

test('pools and their gradients are those of every window by itself, ties and empty windows included', async () => {
  await fc.assert(
    fc.asyncProperty(given, async (sizes) => {
      const { method, floor, kernel, stride, pad, input, provider } = sizes;
      const text = `layer { name: "pool" type: "Pooling" pooling_param { pool: ${method}
        kernel_h: ${kernel[0]} kernel_w: ${kernel[1]} stride_h: ${stride[0]} stride_w: ${stride[1]}
        pad_h: ${pad[0]} pad_w: ${pad[1]} round_mode: ${floor ? 'FLOOR' : 'CEIL'} } }`;
      const layer = parseText('NetParameter', text).layer[0]!;
      // Few values: many ties.
      const data = Float32Array.from(
        range(input[0] * input[1]).map((i) => Math.round(2 * Math.sin(7 * i + 1))),
      );
      const y: number[] = [];
      const dx = Array.from(data, () => 0);
      const slope = (place: number): number => 1 + (place % 5);
      const places = windows(sizes, (place, pixels, divisor) => {
        if (method === 'AVE') {
          const sum = pixels.reduce((total, at) => total + data[at]!, 0);
          y[place] = pixels.length === 0 ? NaN : sum / divisor;
          for (const at of pixels) dx[at]! += slope(place) / divisor;
        } else {
          let best = -1;
          for (const at of pixels) if (best < 0 || data[at]! > data[best]!) best = at;
          y[place] = best < 0 ? -3.4028234663852886e38 : data[best]!;
          if (best >= 0) dx[best]! += slope(place);
        }
      });
      const shape = [1, 1, ...input];
      const top = [1, 1, ...places];
      expect(pooling.shapes(layerContext(layer, [shape], 1)).tops).toEqual([top]);
      const g = new LayerGraph(provider);
      const never = (): never => {
        throw new Error('a pool has no state and no random numbers');
      };
      const made = pooling.build({
        g,
        layer,
        phase: 'TRAIN',
        bottoms: [g.input('x', shape)],
        params: [],
        topCount: 1,
        host: {},
        training: true,
        random: never,
        state: never,
      });
      g.output('y', made.tops[0]!);
      const wanted = { bottoms: [true], params: [] };
      g.output('dx', made.backward!([g.input('dy', top)], wanted).bottoms[0]!);
      await using session = await openSession(g.builder.toBytes(), { provider: 'cpu', threads: 1 });
      const found = await session.run({
        x: { dtype: 'float32', shape, data },
        dy: { dtype: 'float32', shape: top, data: Float32Array.from(y, (_, place) => slope(place)) },
      });
      for (const [name, expected] of [
        ['y', y],
        ['dx', dx],
      ] as const) {
        const numbers = Array.from(found[name]!.data as Float32Array);
        const off = numbers.map((value, i) =>
          Number.isNaN(expected[i]) ? Number(!Number.isNaN(value)) : Math.abs(value - expected[i]!),
        );
        expect(Math.max(...off)).toBeLessThan(1e-5);
      }
    }),
    { numRuns: 80, seed: 5 },
  );
});
