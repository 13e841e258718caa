/** Layers that pick: ArgMax, BatchReindex, Filter. */

import { count, range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerInputs, LayerType } from './layer.js';
import { axisOf, layerError, only, showShape } from './layer.js';
import { has } from '../schema/message.js';

/** The indices (or values) of the largest elements along an axis, or of each item; of equal ones, the later first. */
export const argMax: LayerType = {
  type: 'ArgMax',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes(inputs) {
    const shape = only(inputs.bottoms);
    const { axis, size } = argMaxAxis(inputs);
    const { top_k: k, out_max_val: values } = inputs.layer.argmax_param;
    if (k < 1 || k > size) throw layerError(inputs.layer, `top_k is ${k}; it must be between 1 and ${size}`);
    if (axis !== null) return { tops: [shape.map((old, i) => (i === axis ? k : old))], params: [] };
    const rest = range(Math.max(0, shape.length - 3)).map(() => 1);
    return { tops: [[shape[0]!, values ? 2 : 1, k, ...rest]], params: [] };
  },
  build({ g, layer, bottoms }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const { axis, size } = argMaxAxis({ layer, bottoms: [shape] });
    const { top_k: k, out_max_val: wantValues } = layer.argmax_param;
    const flat = axis === null ? g.reshape(x, [shape[0]!, size]) : x;
    const along = axis ?? 1;
    const { values, indices } =
      g.provider === 'webgpu' ? maxima(g, flat, along, k) : largest(g, flat, along, k);
    if (axis !== null) return { tops: [wantValues ? values : indices] };
    const rest = range(Math.max(0, shape.length - 3)).map(() => 1);
    const parts = wantValues ? [indices, values] : [indices];
    const joined = g.concat(
      parts.map((part) => g.reshape(part, [shape[0]!, 1, k])),
      1,
    );
    return { tops: [g.reshape(joined, [shape[0]!, parts.length, k, ...rest])] };
  },
};

interface Picked {
  readonly values: Value;
  readonly indices: Value;
}

function largest(g: LayerGraph, x: Value, axis: number, k: number): Picked {
  const size = g.dims(x)[axis]!;
  // TopK gives the first of equal elements: look at them backwards.
  const backwards = g.gather(x, g.ints(range(size).map((i) => size - 1 - i)), axis);
  const shape = g.dims(x).map((old, i) => (i === axis ? k : old));
  const [values, places] = g.opMany('TopK', [backwards, g.ints([k])], { axis }, [
    { shape },
    { shape, dtype: 'int64' },
  ]) as [Value, Value];
  return { values, indices: g.sub(size - 1, g.cast(places, 'float32')) };
}

/** The same without TopK, which WebGPU lacks: the maximum, then the maximum of what is left, and so on. */
function maxima(g: LayerGraph, x: Value, axis: number, k: number): Picked {
  const shape = g.dims(x);
  const places = g.constant(
    range(shape[axis]!),
    shape.map((size, i) => (i === axis ? size : 1)),
  );
  const values: Value[] = [];
  const indices: Value[] = [];
  let rest = x;
  for (let i = 0; i < k; i++) {
    const value = g.reduceMax(rest, [axis], true);
    const index = g.reduceMax(g.where(g.equal(rest, value), places, -1), [axis], true);
    values.push(value);
    indices.push(index);
    rest = g.where(g.equal(places, index), -Infinity, rest);
  }
  return { values: g.concat(values, axis), indices: g.concat(indices, axis) };
}

function argMaxAxis({ layer, bottoms }: Pick<LayerInputs, 'layer' | 'bottoms'>): {
  axis: number | null;
  size: number;
} {
  const shape = only(bottoms);
  const { argmax_param: param } = layer;
  if (!has(param, 'axis')) return { axis: null, size: count(shape, 1) };
  const axis = axisOf(layer, param.axis, shape.length);
  return { axis, size: shape[axis]! };
}

/** The items of the first bottom that the second one's indices name, in that order. */
export const batchReindex: LayerType = {
  type: 'BatchReindex',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  allowsForceBackward: (bottom) => bottom === 0,
  shapes({ layer, bottoms }) {
    const [shape, indices] = bottoms as [readonly number[], readonly number[]];
    if (indices.length !== 1) {
      throw layerError(
        layer,
        `bottom 1 ('${layer.bottom[1]}') is ${showShape(indices)}; it must have one axis`,
      );
    }
    return { tops: [[indices[0]!, ...shape.slice(1)]], params: [] };
  },
  build({ g, bottoms }) {
    const [x, index] = bottoms as [Value, Value];
    const shape = g.dims(x);
    return {
      tops: [g.gather(x, g.indices(index), 0)],
      backward([dy]) {
        if (!dy) return { bottoms: [null, null] };
        const taken = g.dims(index)[0]!;
        const items = g.constant(range(shape[0]!), [shape[0]!, 1]);
        const picks = g.indicator(g.equal(items, g.reshape(index, [1, taken])));
        const rows = g.reshape(dy, [taken, count(shape, 1)]);
        return { bottoms: [g.reshape(g.matMul(picks, rows), shape), null] };
      },
    };
  },
};

/**
 * The items of the bottoms for which the last bottom is not 0. How many there are is known when the net runs; until
 * then, as in Caffe, the tops have as many as the bottoms.
 */
export const filter: LayerType = {
  type: 'Filter',
  bottoms: { min: 2 },
  tops: { min: 1 },
  shapes({ layer, bottoms, topCount }) {
    if (topCount !== bottoms.length - 1) {
      throw layerError(
        layer,
        `${bottoms.length} bottoms and ${topCount} tops; there must be one top less than bottoms`,
      );
    }
    const selector = bottoms.at(-1)!;
    if (count(selector, 1) !== 1) {
      throw layerError(
        layer,
        `the selector '${layer.bottom.at(-1)!}' is ${showShape(selector)}; it holds one number an item`,
      );
    }
    for (const [i, shape] of bottoms.entries()) {
      if (shape[0] !== selector[0]) {
        throw layerError(
          layer,
          `bottom ${i} ('${layer.bottom[i]}') is ${showShape(shape)}, but the selector has ${selector[0]} items`,
        );
      }
    }
    return { tops: bottoms.slice(0, -1), params: [] };
  },
  build({ g, bottoms }) {
    const items = g.dims(bottoms.at(-1)!)[0]!;
    const selector = g.reshape(bottoms.at(-1)!, [items]);
    const chosen = g.not(g.equal(selector, 0));
    const data = bottoms.slice(0, -1);
    return {
      tops: data.map((x) => g.op('Compress', [x, chosen], { axis: 0 }, [null, ...g.dims(x).slice(1)])),
      backward(tops) {
        const number = g.cast(chosen, 'float32');
        // Row k + 1 of the gradient behind a row of zeros belongs to the k-th chosen item, row 0 to all others.
        const places = g.op('CumSum', [number, g.builder.constant('int64', [0], [])], {}, [items]);
        const rows = g.indices(g.mul(places, number));
        return {
          bottoms: [
            ...tops.map((dy, i) => {
              if (!dy) return null;
              const zero = g.filled([1, ...g.dims(data[i]!).slice(1)], 0);
              return g.gather(g.concat([zero, dy], 0), rows, 0);
            }),
            null,
          ],
        };
      },
    };
  },
};

export const selectLayers: readonly LayerType[] = [argMax, batchReindex, filter];
