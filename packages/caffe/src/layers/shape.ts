/** Layers that move data and compute nothing: Concat, Slice, Split, Flatten, Reshape, Crop, Tile, Silence. */

import { count, range } from './graph.js';
import type { SliceRange, Value } from './graph.js';
import type { LayerType } from './layer.js';
import { axisOf, layerError, only, pointwise, showShape } from './layer.js';
import type { LayerParameter } from '../schema/messages.js';
import { has } from '../schema/message.js';

const concatAxis = (layer: LayerParameter, rank: number): number => {
  const { concat_param: param } = layer;
  return axisOf(layer, has(param, 'concat_dim') ? param.concat_dim : param.axis, rank);
};

/** The bottoms one after the other along an axis. */
export const concat: LayerType = {
  type: 'Concat',
  bottoms: { min: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const first = bottoms[0]!;
    const axis = concatAxis(layer, first.length);
    for (const [i, shape] of bottoms.entries()) {
      if (shape.length !== first.length || shape.some((size, k) => k !== axis && size !== first[k])) {
        throw layerError(
          layer,
          `bottom ${i} ('${layer.bottom[i]}') is ${showShape(shape)}, bottom 0 ('${layer.bottom[0]}') is ${showShape(first)}; they must be equal but for axis ${axis}`,
        );
      }
    }
    const total = bottoms.reduce((sum, shape) => sum + shape[axis]!, 0);
    return { tops: [first.map((size, i) => (i === axis ? total : size))], params: [] };
  },
  build({ g, layer, bottoms }) {
    const axis = concatAxis(layer, g.dims(bottoms[0]!).length);
    const sizes = bottoms.map((x) => g.dims(x)[axis]!);
    return {
      tops: [g.concat(bottoms, axis)],
      backward([dy], wanted) {
        if (!dy) return { bottoms: bottoms.map(() => null) };
        let start = 0;
        return {
          bottoms: sizes.map((size, i) => {
            const from = start;
            start += size;
            return wanted.bottoms[i] ? g.slice(dy, [[axis, from, start]]) : null;
          }),
        };
      },
    };
  },
};

function slicePlan(
  layer: LayerParameter,
  shape: readonly number[],
  tops: number,
): { axis: number; sizes: number[] } {
  const { slice_param: param } = layer;
  const axis = axisOf(layer, has(param, 'slice_dim') ? param.slice_dim : param.axis, shape.length);
  const size = shape[axis]!;
  if (param.slice_point.length === 0) {
    if (size % tops !== 0) {
      throw layerError(
        layer,
        `axis ${axis} of size ${size} does not divide into ${tops} equal tops; give slice_point`,
      );
    }
    return { axis, sizes: range(tops).map(() => size / tops) };
  }
  const points = [0, ...param.slice_point, size];
  if (points.length !== tops + 1) {
    throw layerError(layer, `${param.slice_point.length} slice_point for ${tops} tops; expected ${tops - 1}`);
  }
  const sizes = points.slice(1).map((point, i) => point - points[i]!);
  if (sizes.some((part) => part <= 0)) {
    throw layerError(layer, `slice_point ${param.slice_point.join(', ')} must grow, between 0 and ${size}`);
  }
  return { axis, sizes };
}

/** The bottom cut into pieces along an axis. */
export const slice: LayerType = {
  type: 'Slice',
  bottoms: { exact: 1 },
  tops: { min: 1 },
  shapes({ layer, bottoms, topCount }) {
    const shape = only(bottoms);
    const { axis, sizes } = slicePlan(layer, shape, topCount);
    return { tops: sizes.map((part) => shape.map((size, i) => (i === axis ? part : size))), params: [] };
  },
  build({ g, layer, bottoms, topCount }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const { axis, sizes } = slicePlan(layer, shape, topCount);
    return {
      tops: g.split(x, sizes, axis),
      backward(tops) {
        const parts = tops.map(
          (dy, k) =>
            dy ??
            g.filled(
              shape.map((size, i) => (i === axis ? sizes[k]! : size)),
              0,
            ),
        );
        return { bottoms: [g.concat(parts, axis)] };
      },
    };
  },
};

/** Several names for one blob; gradients add up. */
export const split: LayerType = {
  type: 'Split',
  bottoms: { exact: 1 },
  tops: { min: 1 },
  shapes: ({ bottoms, topCount }) => ({ tops: range(topCount).map(() => only(bottoms)), params: [] }),
  build({ g, bottoms, topCount }) {
    return {
      tops: range(topCount).map(() => only(bottoms)),
      backward(tops) {
        const given = tops.filter((dy) => dy !== null);
        return { bottoms: [given.length > 0 ? g.sum(given) : null] };
      },
    };
  },
};

/** A layer that only changes the shape. */
function reshaping(
  type: string,
  shapeOf: (layer: LayerParameter, shape: readonly number[]) => number[],
): LayerType {
  return {
    ...pointwise(type, ({ g, layer }, x) => {
      const shape = g.dims(x);
      return { y: g.reshape(x, shapeOf(layer, shape)), dx: (dy) => g.reshape(dy, shape) };
    }),
    shapes: ({ layer, bottoms }) => ({ tops: [shapeOf(layer, only(bottoms))], params: [] }),
  };
}

/** Axes `axis` to `end_axis` made one. */
export const flatten: LayerType = reshaping('Flatten', (layer, shape) => {
  const { axis, end_axis: endAxis } = layer.flatten_param;
  const start = axisOf(layer, axis, shape.length);
  const end = axisOf(layer, endAxis, shape.length, 'end_axis');
  return [...shape.slice(0, start), count(shape, start, end + 1), ...shape.slice(end + 1)];
});

/** Other sizes for `num_axes` axes from `axis` on: 0 copies the old size, -1 is what is left. */
export const reshape: LayerType = reshaping('Reshape', (layer, shape) => {
  const { axis, num_axes: numAxes, shape: wanted } = layer.reshape_param;
  // A negative axis here counts from the place after the last one.
  const start = axis >= 0 ? axis : axis + shape.length + 1;
  if (start < 0 || start > shape.length) {
    throw layerError(layer, `axis ${axis} is outside a blob of ${shape.length} axes`);
  }
  if (numAxes < -1) throw layerError(layer, `num_axes is ${numAxes}; it is -1 (to the end) or more`);
  const end = numAxes === -1 ? shape.length : start + numAxes;
  if (end > shape.length) {
    throw layerError(
      layer,
      `axis ${start} and num_axes ${numAxes} reach beyond the bottom ${showShape(shape)}`,
    );
  }
  const dims = wanted.dim.map(Number);
  const sizes = dims.map((size, i) => {
    if (size !== 0) return size;
    const old = shape[start + i];
    if (old === undefined) {
      throw layerError(
        layer,
        `dim ${i} is 0 (copy), but the bottom ${showShape(shape)} has no axis ${start + i}`,
      );
    }
    return old;
  });
  const whole = [...shape.slice(0, start), ...sizes, ...shape.slice(end)];
  const open = whole.indexOf(-1);
  if (open >= 0) {
    if (whole.indexOf(-1, open + 1) >= 0) throw layerError(layer, 'more than one dim is -1');
    const rest = -count(whole);
    if (rest === 0 || count(shape) % rest !== 0) {
      throw layerError(layer, `the bottom ${showShape(shape)} does not divide by the other dims (${rest})`);
    }
    whole[open] = count(shape) / rest;
  }
  if (count(whole) !== count(shape)) {
    throw layerError(
      layer,
      `the top ${showShape(whole)} does not hold as much as the bottom ${showShape(shape)}`,
    );
  }
  return whole;
});

function cropRanges(
  layer: LayerParameter,
  shape: readonly number[],
  reference: readonly number[],
): SliceRange[] {
  const { axis, offset } = layer.crop_param;
  const start = axisOf(layer, axis, shape.length);
  const cropped = shape.length - start;
  if (offset.length > 1 && offset.length !== cropped) {
    throw layerError(
      layer,
      `${offset.length} offsets for ${cropped} cropped axes; give one for all, or one for each`,
    );
  }
  return range(cropped).map((i) => {
    const at = offset.length > 1 ? offset[i]! : (offset[0] ?? 0);
    const size = reference[start + i]!;
    if (at + size > shape[start + i]!) {
      throw layerError(
        layer,
        `axis ${start + i}: offset ${at} and size ${size} of '${layer.bottom[1]}' reach beyond the ${shape[start + i]!} of '${layer.bottom[0]}'`,
      );
    }
    return [start + i, at, at + size] as const;
  });
}

/** The first bottom cut to the second one's size, from `axis` on. */
export const crop: LayerType = {
  type: 'Crop',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const [shape, reference] = bottoms as [readonly number[], readonly number[]];
    if (shape.length !== reference.length) {
      throw layerError(
        layer,
        `bottoms of ${shape.length} and ${reference.length} axes; they must have as many`,
      );
    }
    const ranges = cropRanges(layer, shape, reference);
    const sizes = [...shape];
    for (const [axis, from, to] of ranges) sizes[axis] = to - from;
    return { tops: [sizes], params: [] };
  },
  build({ g, layer, bottoms }) {
    const [x, reference] = bottoms as [Value, Value];
    const shape = g.dims(x);
    const ranges = cropRanges(layer, shape, g.dims(reference));
    const before = shape.map(() => 0);
    const after = shape.map(() => 0);
    for (const [axis, from, to] of ranges) {
      before[axis] = from;
      after[axis] = shape[axis]! - to;
    }
    return {
      tops: [g.slice(x, ranges)],
      backward: ([dy]) => ({ bottoms: [dy ? g.pad(dy, before, after) : null, null] }),
    };
  },
};

/** The bottom repeated along an axis. */
export const tile: LayerType = {
  type: 'Tile',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    const axis = axisOf(layer, layer.tile_param.axis, shape.length);
    const { tiles } = layer.tile_param;
    if (tiles < 1) throw layerError(layer, `tiles is ${tiles}; it must be 1 or more`);
    return { tops: [shape.map((size, i) => (i === axis ? size * tiles : size))], params: [] };
  },
  build({ g, layer, bottoms }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const axis = axisOf(layer, layer.tile_param.axis, shape.length);
    const { tiles } = layer.tile_param;
    return {
      tops: [
        g.tile(
          x,
          shape.map((_, i) => (i === axis ? tiles : 1)),
        ),
      ],
      backward([dy]) {
        if (!dy) return { bottoms: [null] };
        const copies = g.reshape(dy, [...shape.slice(0, axis), tiles, ...shape.slice(axis)]);
        return { bottoms: [g.reduceSum(copies, [axis])] };
      },
    };
  },
};

/** Takes blobs that nothing else does, so that they are no outputs of the net. */
export const silence: LayerType = {
  type: 'Silence',
  bottoms: { min: 1 },
  tops: { exact: 0 },
  shapes: () => ({ tops: [], params: [] }),
  build: ({ bottoms }) => ({ tops: [], backward: () => ({ bottoms: bottoms.map(() => null) }) }),
};

export const shapeLayers: readonly LayerType[] = [
  concat,
  slice,
  split,
  flatten,
  reshape,
  crop,
  tile,
  silence,
];
