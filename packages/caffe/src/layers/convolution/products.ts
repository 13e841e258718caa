/** The three products that a convolution takes part in, by the way that is fastest where the graph runs. */

import type { LayerGraph, Value } from '../graph.js';
import type { Window } from './geometry.js';
import { convolve, correlate, spread } from './gradients.js';
import { TiledConvolution, tilingOf } from './tiled.js';

/** A convolution from [N, C, input...] to [N, O, places...]. */
export interface ConvolutionSizes {
  readonly window: Window;
  readonly group: number;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly input: readonly number[];
  readonly places: readonly number[];
}

/** What follows from x [N, C, input...], w [O, C/group, k...] and y [N, O, places...]. */
export interface ConvolutionProducts {
  /** y: sliding products of x with w, plus b [O]. */
  forward(x: Value, w: Value, b: Value | null): Value;
  /** The transpose of `forward` in x: y spread through w to the size of x, plus b [C]. */
  toInput(y: Value, w: Value, b: Value | null): Value;
  /** The transpose of `forward` in w. */
  toWeights(x: Value, y: Value): Value;
}

/** The products of one layer. */
export function productsOf(g: LayerGraph, sizes: ConvolutionSizes): ConvolutionProducts {
  const { window, group, input } = sizes;
  // Other providers choose such ways themselves, and a graph for any provider keeps to ONNX's own operators.
  const transforms = g.provider === 'cpu' ? tilingOf(sizes) : null;
  if (transforms) return new TiledConvolution(g, sizes, transforms);
  return {
    forward: (x, w, b) => convolve(g, x, w, b, window, group),
    toInput: (y, w, b) => spread(g, y, w, b, window, group, input),
    toWeights: (x, y) => correlate(g, x, y, window, group),
  };
}
