import { openSession } from '@softxent/backend-onnx/runtime';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LayerGraph } from '../graph.js';
import type { Window } from './geometry.js';
import { scatter, taps, under } from './gradients.js';
import type { ConvolutionSizes } from './products.js';
import { productsOf } from './ways.js';
import { worstError } from './testing.js';

/** The sizes of a convolution along one axis. */
type Axis = Record<'kernel' | 'stride' | 'pad' | 'dilation' | 'input' | 'places', number>;

const withAxes = (
  rest: Pick<ConvolutionSizes, 'batch' | 'group' | 'channels' | 'outputs'>,
  axes: readonly Axis[],
): ConvolutionSizes => ({
  ...rest,
  window: {
    kernel: axes.map(({ kernel }) => kernel),
    stride: axes.map(({ stride }) => stride),
    pad: axes.map(({ pad }) => pad),
    dilation: axes.map(({ dilation }) => dilation),
  },
  input: axes.map(({ input }) => input),
  places: axes.map(({ places }) => places),
});

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
    const input = Math.max(1, reach - 2 * window.pad) + extra;
    return { ...window, input, places: Math.floor((input + 2 * window.pad - reach) / window.stride) + 1 };
  });

const sizes: fc.Arbitrary<ConvolutionSizes> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    perGroup: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    axes: fc.tuple(axis, axis),
  })
  .map(({ batch, group, perGroup: [inputs, outputs], axes }) =>
    withAxes({ batch, group, channels: group * inputs, outputs: group * outputs }, axes),
  );

test('convolutions and both of their gradients are the sums of their products, for any geometry', async () => {
  await fc.assert(
    fc.asyncProperty(
      sizes,
      // Graphs for other providers are run on the CPU, too: they differ in what they are made of.
      fc.constantFrom('cpu' as const, 'webgpu' as const, null),
      async (given, provider) => {
        const worst = await worstError(given, (g) => productsOf(g, given), provider);
        expect(worst).toBeLessThan(1e-6);
      },
    ),
    { numRuns: 60, seed: 8 },
  );
});

const wholeSteps = fc
  .record({
    stride: fc.integer({ min: 1, max: 4 }),
    steps: fc.integer({ min: 2, max: 3 }),
    cut: fc.integer({ min: 0, max: 3 }),
    places: fc.integer({ min: 1, max: 5 }),
    rest: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ stride, steps, cut, places, rest }) => {
    const kernel = stride * steps;
    const pad = Math.min(cut, stride);
    const input = Math.max(1, (places - 1) * stride + kernel - 2 * pad + Math.min(rest, stride - 1));
    return {
      kernel,
      stride,
      pad,
      dilation: 1,
      input,
      places: Math.floor((input + 2 * pad - kernel) / stride) + 1,
    };
  });

test('kernels of a whole number of steps spread by phases to the sums of their products', async () => {
  const given = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    axes: fc.tuple(wholeSteps, wholeSteps),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ axes, ...rest }) => {
      const chosen = withAxes({ ...rest, group: 1 }, axes);
      const worst = await worstError(chosen, (g) => productsOf(g, chosen));
      expect(worst).toBeLessThan(1e-6);
    }),
    { numRuns: 30, seed: 3 },
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
