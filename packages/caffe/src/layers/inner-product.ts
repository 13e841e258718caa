/** Layers that multiply by a matrix: InnerProduct and Embed. */

import { count, range } from './graph.js';
import type { Value } from './graph.js';
import type { LayerType, ParamBlob } from './layer.js';
import { axisOf, layerError, only } from './layer.js';

/** x W' + b over all axes from `axis` on; W is [num_output, K], or [K, num_output] with `transpose`. */
export const innerProduct: LayerType = {
  type: 'InnerProduct',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    const param = layer.inner_product_param;
    const { num_output: outputs, axis, transpose } = param;
    if (outputs < 1)
      throw layerError(layer, 'inner_product_param.num_output is missing or 0; expected 1 or more');
    const at = axisOf(layer, axis, shape.length);
    const k = count(shape, at);
    const params: ParamBlob[] = [
      { shape: transpose ? [k, outputs] : [outputs, k], filler: param.weight_filler },
    ];
    if (param.bias_term) params.push({ shape: [outputs], filler: param.bias_filler });
    return { tops: [[...shape.slice(0, at), outputs]], params };
  },
  build({ g, layer, bottoms, params }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const { num_output: outputs, axis, transpose } = layer.inner_product_param;
    const at = axisOf(layer, axis, shape.length);
    const rows = count(shape, 0, at);
    const matrix = g.reshape(x, [rows, count(shape, at)]);
    const [w, b] = params;
    const y = g.gemm(matrix, w!, b ?? null, { transB: !transpose });
    return {
      tops: [g.reshape(y, [...shape.slice(0, at), outputs])],
      backward([dtop], wanted) {
        if (!dtop) return { bottoms: [null] };
        const dy = g.reshape(dtop, [rows, outputs]);
        const dx = (): Value => g.reshape(g.gemm(dy, w!, null, { transB: transpose }), shape);
        const dw = (): Value =>
          transpose ? g.gemm(matrix, dy, null, { transA: true }) : g.gemm(dy, matrix, null, { transA: true });
        return {
          bottoms: [wanted.bottoms[0] ? dx() : null],
          params: [
            wanted.params[0] ? dw() : null,
            ...(b ? [wanted.params[1] ? g.reduceSum(dy, [0]) : null] : []),
          ],
        };
      },
    };
  },
};

/** The rows of a matrix that whole numbers name, plus a bias. */
export const embed: LayerType = {
  type: 'Embed',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  allowsForceBackward: () => false,
  shapes({ layer, bottoms }) {
    const param = layer.embed_param;
    const { num_output: outputs, input_dim: inputs } = param;
    if (outputs < 1) throw layerError(layer, 'embed_param.num_output is missing or 0; expected 1 or more');
    if (inputs < 1) throw layerError(layer, 'embed_param.input_dim is missing or 0; expected 1 or more');
    const params: ParamBlob[] = [{ shape: [inputs, outputs], filler: param.weight_filler }];
    if (param.bias_term) params.push({ shape: [outputs], filler: param.bias_filler });
    return { tops: [[...only(bottoms), outputs]], params };
  },
  build({ g, layer, bottoms, params }) {
    const index = only(bottoms);
    const shape = g.dims(index);
    const { num_output: outputs, input_dim: inputs } = layer.embed_param;
    const [w, b] = params;
    const picked = g.gather(w!, g.indices(index), 0);
    return {
      tops: [b ? g.add(picked, b) : picked],
      backward([dtop], wanted) {
        if (!dtop) return { bottoms: [null] };
        const dy = g.reshape(dtop, [count(shape), outputs]);
        // A product with 0s and 1s, not a scatter: an index that occurs twice adds up in a fixed order.
        const dw = (): Value => {
          const words = g.constant(range(inputs), [inputs, 1]);
          const cut = g.cast(g.indices(g.reshape(index, [1, count(shape)])), 'float32');
          return g.matMul(g.indicator(g.equal(words, cut)), dy);
        };
        return {
          bottoms: [null],
          params: [
            wanted.params[0] ? dw() : null,
            ...(b ? [wanted.params[1] ? g.reduceSum(dy, [0]) : null] : []),
          ],
        };
      },
    };
  },
};

export const innerProductLayers: readonly LayerType[] = [innerProduct, embed];
