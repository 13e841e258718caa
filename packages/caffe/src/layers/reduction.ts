/** Reduction and Softmax. */

import { count, range } from './graph.js';
import type { LayerType } from './layer.js';
import { axisOf, only, pointwise } from './layer.js';

/** coeff times the sum, the sum of absolute values, the sum of squares or the mean over all axes from `axis` on. */
export const reduction: LayerType = {
  type: 'Reduction',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    return { tops: [shape.slice(0, axisOf(layer, layer.reduction_param.axis, shape.length))], params: [] };
  },
  build({ g, layer, bottoms }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const { operation, coeff, axis } = layer.reduction_param;
    const at = axisOf(layer, axis, shape.length);
    const tail = count(shape, at);
    const axes = range(shape.length).slice(at);
    // One axis after the other: shorter sums lose fewer digits than one long one.
    const summed = [operation === 'ASUM' ? g.abs(x) : operation === 'SUMSQ' ? g.mul(x, x) : x];
    for (const over of axes.toReversed()) summed.push(g.reduceSum(summed.at(-1)!, [over]));
    const factor = operation === 'MEAN' ? coeff / tail : coeff;
    return {
      tops: [g.mul(summed.at(-1)!, factor)],
      backward([dy]) {
        if (!dy) return { bottoms: [null] };
        const spread = g.reshape(g.mul(dy, factor), [...shape.slice(0, at), ...axes.map(() => 1)]);
        switch (operation) {
          case 'ASUM':
            return { bottoms: [g.mul(g.sign(x), spread)] };
          case 'SUMSQ':
            return { bottoms: [g.mul(g.mul(x, 2), spread)] };
          case 'SUM':
          case 'MEAN':
            return { bottoms: [g.expand(spread, shape)] };
        }
      },
    };
  },
};

/** exp(x) / sum exp(x) along an axis. */
export const softmax: LayerType = {
  ...pointwise('Softmax', ({ g, layer }, x) => {
    const axis = axisOf(layer, layer.softmax_param.axis, g.dims(x).length);
    const y = g.softmax(x, axis);
    return { y, dx: (dy) => g.mul(y, g.sub(dy, g.reduceSum(g.mul(dy, y), [axis], true))) };
  }),
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    axisOf(layer, layer.softmax_param.axis, shape.length);
    return { tops: [shape], params: [] };
  },
};

export const reductionLayers: readonly LayerType[] = [reduction, softmax];
