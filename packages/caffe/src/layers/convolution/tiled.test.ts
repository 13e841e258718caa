import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LayerGraph } from '../graph.js';
import type { ConvolutionSizes } from './products.js';
import { productsOf } from './ways.js';
import { worstError } from './testing.js';
import { TiledConvolution, tilingOf } from './tiled.js';
import { FOUR, TWO } from './transforms.js';

const square = (
  sizes: Partial<ConvolutionSizes> & { pad?: number; plane: readonly number[] },
): ConvolutionSizes => {
  const { pad = 1, plane, ...rest } = sizes;
  return {
    window: { kernel: [3, 3], stride: [1, 1], pad: [pad, pad], dilation: [1, 1] },
    group: 1,
    batch: 1,
    channels: 1,
    outputs: 1,
    input: plane,
    places: plane.map((size) => size + 2 * pad - 2),
    ...rest,
  };
};

const anySquare = fc
  .record({
    pad: fc.integer({ min: 0, max: 3 }),
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.integer({ min: 1, max: 5 }),
    outputs: fc.integer({ min: 1, max: 5 }),
    plane: fc.tuple(fc.integer({ min: 3, max: 14 }), fc.integer({ min: 3, max: 14 })),
  })
  .map(square);

describe.each([
  ['2 x 2', TWO, 1e-6],
  ['4 x 4', FOUR, 3e-6],
])('in tiles of %s', (_, transforms, bound) => {
  test('convolutions and both of their gradients are the sums of their products, for any plane', async () => {
    await fc.assert(
      fc.asyncProperty(anySquare, async (sizes) => {
        const worst = await worstError(sizes, (g) => new TiledConvolution(g, sizes, transforms));
        expect(worst).toBeLessThan(bound);
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  test('errors do not add up over channels', async () => {
    const sizes = square({ channels: 64, outputs: 4, plane: [9, 10] });
    const worst = await worstError(sizes, (g) => new TiledConvolution(g, sizes, transforms));
    expect(worst).toBeLessThan(bound / 3);
  });

  test('a tensor is transformed once for both directions', () => {
    const sizes = square({ channels: 2, outputs: 3, plane: [8, 8] });
    const g = new LayerGraph('cpu');
    const tiled = new TiledConvolution(g, sizes, transforms);
    const [x, w, dy] = [g.input('x', [1, 2, 8, 8]), g.input('w', [3, 2, 3, 3]), g.input('dy', [1, 3, 8, 8])];
    g.output('y', tiled.forward(x, w, null));
    g.output('dx', tiled.toInput(dy, w, null));
    g.output('dw', tiled.toWeights(x, dy));
    const kinds = g.builder.liveNodes().map(({ opType }) => opType);
    expect(kinds.filter((type) => type === 'Conv')).toHaveLength(2);
    // The kernels' transform, the three products, and the transform of the kernels' gradient.
    expect(kinds.filter((type) => type === 'FusedMatMul')).toHaveLength(5);
  });
});

test('large layers of 3 x 3 kernels are tiled, and others are not', () => {
  const vgg = square({ channels: 256, outputs: 256, plane: [56, 56] });
  expect(tilingOf(vgg)).toBe(FOUR);
  expect(tilingOf(square({ channels: 512, outputs: 512, plane: [14, 14] }))).toBe(TWO);
  expect(tilingOf(square({ batch: 8, channels: 16, outputs: 16, plane: [128, 128] }))).toBeNull();
  expect(tilingOf({ ...vgg, group: 2 })).toBeNull();
  expect(tilingOf({ ...vgg, window: { ...vgg.window, stride: [2, 2] }, places: [28, 28] })).toBeNull();
  expect(tilingOf({ ...vgg, window: { ...vgg.window, kernel: [5, 5] }, places: [54, 54] })).toBeNull();
});

test('graphs for other providers are made of the operators of ONNX alone', () => {
  const sizes = square({ channels: 256, outputs: 256, plane: [56, 56] });
  const cpu = new LayerGraph('cpu');
  expect(productsOf(cpu, sizes)).toBeInstanceOf(TiledConvolution);
  for (const provider of ['webgpu', 'cuda', null] as const) {
    expect(productsOf(new LayerGraph(provider), sizes)).not.toBeInstanceOf(TiledConvolution);
  }
});
