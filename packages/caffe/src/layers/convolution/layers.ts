/** Convolution, Deconvolution and Im2col. */

import { count, range } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerInputs, LayerShapes, LayerType, ParamBlob } from '../layer.js';
import { axisOf, layerError, only, showShape } from '../layer.js';
import type { Geometry, Window } from './geometry.js';
import { geometryOf, slidingSizes, windowOf } from './geometry.js';
import { scatter, taps, under } from './gradients.js';
import { productsOf } from './ways.js';

/** A bottom as [batch, channels, spatial...], with at least one spatial axis. */
const asBatch = (g: LayerGraph, x: Value, geometry: Geometry): Value =>
  g.reshape(x, [geometry.batch, geometry.channels, ...(geometry.input.length > 0 ? geometry.input : [1])]);

/** A window with at least one axis: without spatial axes a convolution is one over a single place. */
const withAxis = (geometry: Geometry): Window =>
  geometry.input.length > 0 ? geometry : { kernel: [1], stride: [1], pad: [0], dilation: [1] };

function shapes({ layer, bottoms }: LayerInputs, transposed: boolean): LayerShapes {
  const first = geometryOf(layer, bottoms[0]!, transposed);
  for (const [i, shape] of bottoms.entries()) {
    if (shape.join() !== bottoms[0]!.join()) {
      throw layerError(
        layer,
        `bottom ${i} ('${layer.bottom[i]}') is ${showShape(shape)}, bottom 0 ('${layer.bottom[0]}') is ${showShape(bottoms[0]!)}; they must be equal`,
      );
    }
  }
  const { convolution_param: param } = layer;
  const { channels, outputs, group, kernel } = first;
  const weight = transposed ? [channels, outputs / group] : [outputs, channels / group];
  const params: ParamBlob[] = [{ shape: [...weight, ...kernel], filler: param.weight_filler }];
  if (param.bias_term) params.push({ shape: [outputs], filler: param.bias_filler });
  return { tops: bottoms.map(() => [...first.before, outputs, ...first.output]), params };
}

function convolution(type: string, transposed: boolean): LayerType {
  return {
    type,
    bottoms: { min: 1 },
    tops: { min: 1 },
    equalBottomTop: true,
    shapes: (inputs) => shapes(inputs, transposed),
    build({ g, layer, bottoms, params }) {
      const geometry = geometryOf(layer, g.dims(bottoms[0]!), transposed);
      const { group, batch, outputs, output, before, kernel } = geometry;
      const xs = bottoms.map((x) => asBatch(g, x, geometry));
      const [, channels, ...input] = g.dims(xs[0]!) as [number, number, ...number[]];
      const places = geometry.input.length > 0 ? output : [1];
      const given = g.dims(params[0]!);
      const w = kernel.length > 0 ? params[0]! : g.reshape(params[0]!, [...given, 1]);
      const b = params[1] ?? null;
      const common = { window: withAxis(geometry), group, batch };
      // A deconvolution is a convolution read from its top to its bottom.
      const products = transposed
        ? productsOf(g, { ...common, channels: outputs, outputs: channels, input: places, places: input })
        : productsOf(g, { ...common, channels, outputs, input, places });
      const forward = (x: Value): Value => products[transposed ? 'toInput' : 'forward'](x, w, b);
      return {
        tops: xs.map((x) => g.reshape(forward(x), [...before, outputs, ...output])),
        backward(tops, wanted) {
          const dys = tops.map((dy) => dy && g.reshape(dy, [batch, outputs, ...places]));
          const reached = dys.flatMap((dy, i) => (dy ? [{ dy, x: xs[i]! }] : []));
          if (reached.length === 0) return { bottoms: bottoms.map(() => null) };
          const dx = (dy: Value): Value => products[transposed ? 'forward' : 'toInput'](dy, w, null);
          const dw = ({ dy, x }: { dy: Value; x: Value }): Value =>
            transposed ? products.toWeights(dy, x) : products.toWeights(x, dy);
          const db = ({ dy }: { dy: Value }): Value => {
            const plane = g.reduceSum(g.reshape(dy, [batch, outputs, count(places)]), [2]);
            return g.reduceSum(plane, [0]);
          };
          return {
            bottoms: dys.map((dy, i) =>
              dy && wanted.bottoms[i] ? g.reshape(dx(dy), g.dims(bottoms[i]!)) : null,
            ),
            params: [
              wanted.params[0] ? g.reshape(g.sum(reached.map(dw)), given) : null,
              ...(b ? [wanted.params[1] ? g.sum(reached.map(db)) : null] : []),
            ],
          };
        },
      };
    },
  };
}

/** Sliding products with learned kernels, over any number of spatial axes. */
export const convolutionLayer: LayerType = convolution('Convolution', false);

/** The transpose of a convolution: upsampling with learned kernels. */
export const deconvolutionLayer: LayerType = convolution('Deconvolution', true);

/** What lies under every window, one above the other in the channels: [N, C k, places...]. */
export const im2col: LayerType = {
  type: 'Im2col',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    const axis = axisOf(layer, layer.convolution_param.axis, shape.length);
    const window = windowOf(layer, shape.length - axis - 1);
    const places = slidingSizes(layer, window, shape.slice(axis + 1));
    return {
      tops: [[...shape.slice(0, axis), shape[axis]! * count(window.kernel), ...places]],
      params: [],
    };
  },
  build({ g, layer, bottoms }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const axis = axisOf(layer, layer.convolution_param.axis, shape.length);
    const input = shape.slice(axis + 1);
    const window = windowOf(layer, input.length);
    const places = slidingSizes(layer, window, input);
    const batch = count(shape, 0, axis);
    const channels = shape[axis]!;
    const k = count(window.kernel);
    const around = [0, 0, ...window.pad];
    const padded = g.pad(g.reshape(x, [batch, channels, ...input]), around, around);
    const columns = taps(window.kernel).map((tap) =>
      g.reshape(under(g, padded, tap, window, places), [batch, channels, 1, ...places]),
    );
    return {
      tops: [g.reshape(g.concat(columns, 2), [...shape.slice(0, axis), channels * k, ...places])],
      backward([dy]) {
        if (!dy) return { bottoms: [null] };
        const parts = g.split(
          g.reshape(dy, [batch, channels, k, ...places]),
          range(k).map(() => 1),
          2,
        );
        const moved = parts.map((part) => g.reshape(part, [batch, channels, ...places]));
        return { bottoms: [g.reshape(scatter(g, moved, window, places, input), shape)] };
      },
    };
  },
};

export const convolutionLayers: readonly LayerType[] = [convolutionLayer, deconvolutionLayer, im2col];
