/** Convolutions with kernels of 3 x 3 in tiles, with fewer multiplications: Winograd 1980; Lavin and Gray 2016. */

import type { LayerGraph, Value } from '../graph.js';
import { count } from '../graph.js';
import type { ConvolutionProducts, ConvolutionSizes } from './products.js';
import type { Matrix, Transforms } from './transforms.js';
import { bothAxes, FOUR, TWO } from './transforms.js';

const fits = ({ window: { kernel, stride, dilation }, group }: ConvolutionSizes): boolean =>
  group === 1 &&
  kernel.length === 2 &&
  kernel.every((size) => size === 3) &&
  [...stride, ...dilation].every((step) => step === 1);

const tilesOf = ({ places }: ConvolutionSizes, { tile }: Transforms): number[] =>
  places.map((size) => Math.ceil(size / tile));

const pointsOf = ({ tile }: Transforms): number => (tile + 2) ** 2;

/**
 * What the three products of a convolution take without tiles and with them, in nanoseconds of a core that does 90 GFLOP/s:
 * fitted to measurements of 15 sizes from 16 channels on 128 x 128 to 512 on 14 x 14, most of which it is within a quarter
 * of. Only ratios matter.
 */
function slidingCost({ batch, channels, outputs, places }: ConvolutionSizes): number {
  const plane = batch * count(places);
  return 0.6 * channels * outputs * plane + 5 * (channels + outputs) * plane + 50 * channels * outputs;
}

function tiledCost(sizes: ConvolutionSizes, transforms: Transforms): number {
  const { batch, channels, outputs } = sizes;
  const tiles = batch * count(tilesOf(sizes, transforms));
  const multiplied = 0.067 * channels * outputs * tiles;
  const transformed = 5.5 * (channels + outputs) * tiles + 2.5 * channels * outputs;
  return pointsOf(transforms) * (multiplied + transformed);
}

/** The transforms that make a convolution clearly faster, or `null`. */
export function tilingOf(sizes: ConvolutionSizes): Transforms | null {
  if (!fits(sizes)) return null;
  let best: Transforms | null = null;
  let least = 0.85 * slidingCost(sizes);
  for (const transforms of [TWO, FOUR]) {
    const cost = tiledCost(sizes, transforms);
    if (cost < least) [best, least] = [transforms, cost];
  }
  return best;
}

/** How the tiles of a tensor lie on its planes, and what each is multiplied with: [points, width width]. */
interface TileWindow {
  readonly matrix: Matrix;
  readonly width: number;
  readonly channels: number;
  readonly plane: readonly number[];
  /** Before the first tile, and from the plane's end to the last tile's. */
  readonly pads: readonly number[];
  /** Tensors that have been taken apart. */
  readonly apart: Map<Value, Value>;
}

function once(made: Map<Value, Value>, of: Value, make: () => Value): Value {
  const value = made.get(of) ?? make();
  made.set(of, value);
  return value;
}

/**
 * A convolution with kernels of 3 x 3 and steps of 1, in tiles of m x m outputs from overlapping tiles of the input. Every
 * tile and every kernel becomes (m + 2)^2 numbers, its points; at each point there remains a product of matrices, [O, C]
 * by [C, tiles]. Both gradients are products of the same transformed tensors, so what the forward pass has transformed
 * is not transformed again.
 *
 * Made of operators that ONNX Runtime has for CPUs. A number that is not finite spreads over its tiles.
 */
export class TiledConvolution implements ConvolutionProducts {
  readonly #g: LayerGraph;
  readonly #sizes: ConvolutionSizes;
  readonly #transforms: Transforms;
  readonly #tiles: readonly number[];
  readonly #points: number;
  readonly #onInput: TileWindow;
  readonly #onOutput: TileWindow;
  readonly #transformedKernels = new Map<Value, Value>();

  constructor(g: LayerGraph, sizes: ConvolutionSizes, transforms: Transforms) {
    this.#g = g;
    this.#sizes = sizes;
    this.#transforms = transforms;
    this.#tiles = tilesOf(sizes, transforms);
    this.#points = pointsOf(transforms);
    const { channels, outputs, input, places, window } = sizes;
    const { tile } = transforms;
    const around = (width: number, plane: readonly number[], before: readonly number[]): number[] => [
      ...before,
      ...plane.map((size, i) => (this.#tiles[i]! - 1) * tile + width - size - before[i]!),
    ];
    this.#onInput = {
      matrix: transforms.input,
      width: tile + 2,
      channels,
      plane: input,
      pads: around(tile + 2, input, window.pad),
      apart: new Map(),
    };
    this.#onOutput = {
      matrix: transforms.output,
      width: tile,
      channels: outputs,
      plane: places,
      pads: around(tile, places, [0, 0]),
      apart: new Map(),
    };
  }

  forward(x: Value, w: Value, b: Value | null): Value {
    const products = this.#product(this.#kernels(w), this.#apart(x, this.#onInput));
    return this.#plus(this.#together(products, this.#onOutput), b);
  }

  toInput(y: Value, w: Value, b: Value | null): Value {
    const products = this.#product(this.#kernels(w), this.#apart(y, this.#onOutput), { transA: true });
    return this.#plus(this.#together(products, this.#onInput), b);
  }

  toWeights(x: Value, y: Value): Value {
    const { channels, outputs } = this.#sizes;
    const products = this.#product(this.#apart(y, this.#onOutput), this.#apart(x, this.#onInput), {
      transB: true,
    });
    const rows = this.#g.reshape(products, [this.#points, outputs * channels]);
    const w = this.#product(rows, this.#kernelMatrix(), { transA: true });
    return this.#g.reshape(w, [outputs, channels, 3, 3]);
  }

  /** w [O, C, 3, 3] as [points, O, C]. */
  #kernels(w: Value): Value {
    return once(this.#transformedKernels, w, () => {
      const { channels, outputs } = this.#sizes;
      const rows = this.#g.reshape(w, [outputs * channels, 9]);
      const all = this.#product(this.#kernelMatrix(), rows, { transB: true });
      return this.#g.reshape(all, [this.#points, outputs, channels]);
    });
  }

  #kernelMatrix(): Value {
    return this.#g.constant(bothAxes(this.#transforms.kernel), [this.#points, 9]);
  }

  /** [N, channels, plane...] as transformed tiles [points, channels, N tiles]. */
  #apart(x: Value, window: TileWindow): Value {
    return once(window.apart, x, () => {
      const g = this.#g;
      const { batch } = this.#sizes;
      const { channels, plane } = window;
      const single = g.reshape(x, [batch * channels, 1, ...plane]);
      const tiles = this.#slide('Conv', single, window, [batch * channels, this.#points, ...this.#tiles]);
      const each = count(this.#tiles);
      const apart = g.transpose(g.reshape(tiles, [batch, channels, this.#points, each]), [2, 1, 0, 3]);
      return g.reshape(apart, [this.#points, channels, batch * each]);
    });
  }

  /** The transpose of {@link #apart}: what overlaps is added up. */
  #together(tiles: Value, window: TileWindow): Value {
    const g = this.#g;
    const { batch } = this.#sizes;
    const { channels, plane } = window;
    const each = count(this.#tiles);
    const moved = g.transpose(g.reshape(tiles, [this.#points, channels, batch, each]), [2, 1, 0, 3]);
    const grid = g.reshape(moved, [batch * channels, this.#points, ...this.#tiles]);
    const whole = this.#slide('ConvTranspose', grid, window, [batch * channels, 1, ...plane]);
    return g.reshape(whole, [batch, channels, ...plane]);
  }

  #slide(type: 'Conv' | 'ConvTranspose', x: Value, window: TileWindow, shape: readonly number[]): Value {
    const { matrix, width, pads } = window;
    const { tile } = this.#transforms;
    const kernels = this.#g.constant(bothAxes(matrix), [this.#points, 1, width, width]);
    const attributes = { kernel_shape: [width, width], strides: [tile, tile], pads: [...pads] };
    return this.#g.op(type, [x, kernels], attributes, shape);
  }

  /** A product of matrices. ONNX Runtime's own operator reads an operand as its transpose without moving it. */
  #product(a: Value, b: Value, { transA = false, transB = false } = {}): Value {
    const left = this.#g.dims(a);
    const right = this.#g.dims(b);
    const shape = [...left.slice(0, -2), left.at(transA ? -1 : -2)!, right.at(transB ? -2 : -1)!];
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0 };
    return this.#g.opMany('FusedMatMul', [a, b], attributes, [{ shape }], 'com.microsoft')[0]!;
  }

  #plus(y: Value, b: Value | null): Value {
    return b ? this.#g.add(y, this.#g.reshape(b, [this.#g.dims(b)[0]!, 1, 1])) : y;
  }
}
