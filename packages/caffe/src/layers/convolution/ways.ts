/** A convolution's products by the way that is fastest where the graph runs. */

import type { LayerGraph } from '../graph.js';
import { convolve, correlate, spread } from './gradients.js';
import type { ConvolutionProducts, ConvolutionSizes } from './products.js';
import { TiledConvolution, tilingOf } from './tiled.js';

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
