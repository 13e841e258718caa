/** Pooling and SPP. */

import { count, range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerForward, LayerType } from './layer.js';
import { layerError, only, showShape } from './layer.js';
import { scatter, taps, under } from './convolution/gradients.js';
import type { Window } from './convolution/geometry.js';
import type { LayerParameter, PoolingParameter } from '../schema/messages.js';
import { has } from '../schema/message.js';

/** Below every number that can win: what Caffe starts a maximum from. */
const LOWEST = -3.4028234663852886e38;

type Method = PoolingParameter['pool'];

/** A window over two axes and how many places it takes. */
interface Pool extends Window {
  readonly method: Method;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

function pair(
  layer: LayerParameter,
  param: PoolingParameter,
  name: 'kernel' | 'stride' | 'pad',
  absent: number | null,
): number[] {
  const square = name === 'kernel' ? 'kernel_size' : name;
  const h = has(param, `${name}_h`);
  const w = has(param, `${name}_w`);
  if (has(param, square)) {
    if (h || w) throw layerError(layer, `${square} goes alone, or ${name}_h and ${name}_w; not both`);
    return [param[square], param[square]];
  }
  if (h !== w) throw layerError(layer, `${name}_h and ${name}_w go together`);
  if (h) return [param[`${name}_h`], param[`${name}_w`]];
  if (absent === null) throw layerError(layer, `give ${square}, or ${name}_h and ${name}_w`);
  return [absent, absent];
}

function planeOf(layer: LayerParameter, shape: readonly number[]): number[] {
  if (shape.length !== 4) {
    throw layerError(
      layer,
      `the bottom is ${showShape(shape)}; expected 4 axes (num, channels, height, width)`,
    );
  }
  return shape.slice(2);
}

function checkMethod(layer: LayerParameter, method: Method): void {
  if (method === 'STOCHASTIC') throw layerError(layer, 'pool: STOCHASTIC is not supported; MAX and AVE are');
}

function poolOf(layer: LayerParameter, shape: readonly number[]): Pool {
  const { pooling_param: param } = layer;
  const input = planeOf(layer, shape);
  checkMethod(layer, param.pool);
  const global = param.global_pooling;
  if (global && (has(param, 'kernel_size') || has(param, 'kernel_h') || has(param, 'kernel_w'))) {
    throw layerError(layer, 'global_pooling goes without kernel_size, kernel_h and kernel_w');
  }
  const kernel = global ? input : pair(layer, param, 'kernel', null);
  const stride = pair(layer, param, 'stride', 1);
  const pad = pair(layer, param, 'pad', 0);
  if (kernel.some((size) => size < 1))
    throw layerError(layer, `the kernel is ${kernel.join(' x ')}; expected 1 or more`);
  if (stride.some((step) => step < 1))
    throw layerError(layer, `the stride is ${stride.join(' x ')}; expected 1 or more`);
  if (global && (pad.some((size) => size !== 0) || stride.some((step) => step !== 1))) {
    throw layerError(layer, 'global_pooling goes with pad 0 and stride 1');
  }
  if (pad.some((size, i) => size >= kernel[i]!)) {
    throw layerError(
      layer,
      `the padding ${pad.join(' x ')} must be smaller than the kernel ${kernel.join(' x ')}`,
    );
  }
  const output = pooledSizes(input, { kernel, stride, pad }, param.round_mode === 'FLOOR');
  return { method: param.pool, input, kernel, stride, pad, dilation: [1, 1], output };
}

/**
 * Sizes round up (or down, as asked). Only where there is padding, a last window that would start beyond the image and
 * the padding before it is dropped; without padding it stays, and may hold no pixel at all.
 */
function pooledSizes(
  input: readonly number[],
  { kernel, stride, pad }: Pick<Window, 'kernel' | 'stride' | 'pad'>,
  floor: boolean,
): number[] {
  const padded = pad.some((size) => size > 0);
  return input.map((size, i) => {
    const steps = (size + 2 * pad[i]! - kernel[i]!) / stride[i]!;
    const places = (floor ? Math.floor(steps) : Math.ceil(steps)) + 1;
    return padded && (places - 1) * stride[i]! >= size + pad[i]! ? places - 1 : places;
  });
}

/** How much has to be added behind, so that every window is whole. */
const behind = (pool: Pool): number[] =>
  pool.input.map(
    (size, i) => (pool.output[i]! - 1) * pool.stride[i]! + pool.kernel[i]! - size - pool.pad[i]!,
  );

/** What is wanted of a pool: indices of the maxima, gradients. */
interface Uses {
  readonly withMask: boolean;
  readonly training: boolean;
}

/** The greatest element under every window; the first of equal ones gets the gradient. */
function maxPool(g: LayerGraph, x: Value, pool: Pool, { withMask, training }: Uses): LayerForward {
  if (g.provider === 'cpu') return maxPoolByIndex(g, x, pool, withMask);
  const [n, c] = g.dims(x) as [number, number];
  if (!training && !withMask) {
    return { tops: [g.op('MaxPool', [x], windowAttributes(pool), [n, c, ...pool.output])] };
  }
  // NaN is never greater than anything: it counts as the lowest number.
  // (WebGPU has no IsNaN, and its maxima pass over NaN.)
  const clean = g.provider === 'webgpu' ? x : g.where(g.isNaN(x), LOWEST, x);
  const padded = g.pad(clean, [0, 0, ...pool.pad], [0, 0, ...behind(pool)], LOWEST);
  const places = taps(pool.kernel);
  const parts = places.map((tap) => under(g, padded, tap, pool, pool.output));
  const y = parts.slice(1).reduce((most, part) => g.max(most, part), parts[0]!);
  const gradient = (dy: Value): Value => {
    let rest = dy;
    const shares = parts.map((part, i) => {
      const share = g.mul(rest, g.indicator(g.equal(part, y)));
      if (i < parts.length - 1) rest = g.sub(rest, share);
      return share;
    });
    return scatter(g, shares, pool, pool.output, pool.input);
  };
  return {
    tops: withMask ? [y, winners(g, parts, y, pool, [n, c])] : [y],
    backward: ([dy]) => ({ bottoms: [dy ? gradient(dy) : null] }),
  };
}

/** Attributes of ONNX's own pools for windows that are whole, or cut by the image's end. */
const windowAttributes = (pool: Pool): Record<string, number[]> => ({
  kernel_shape: [...pool.kernel],
  strides: [...pool.stride],
  pads: [...pool.pad, ...behind(pool).map((size) => Math.max(0, size))],
});

/**
 * The same by operators that only the CPU provider has: MaxPool gives the first maximum (and passes over NaN, as Caffe),
 * and the gradient goes where it stands.
 */
function maxPoolByIndex(g: LayerGraph, x: Value, pool: Pool, withMask: boolean): LayerForward {
  const shape = g.dims(x);
  const window = windowAttributes(pool);
  const sizes = [shape[0]!, shape[1]!, ...pool.output];
  const [y, found] = g.opMany('MaxPool', [x], window, [
    { shape: sizes },
    { shape: sizes, dtype: 'int64' },
  ]) as [Value, Value];
  // A window without a number has the index -1; its gradient means nothing, but must go somewhere.
  const indices = g.op('Max', [found, g.ints([0])], {}, sizes, 'int64');
  const plane = g.op('Mod', [indices, g.ints([count(pool.input)])], {}, sizes, 'int64');
  return {
    tops: withMask ? [y, g.cast(plane, 'float32')] : [y],
    backward: ([dy]) => ({ bottoms: [dy ? unpooled(g, dy, indices, shape, pool) : null] }),
  };
}

function unpooled(g: LayerGraph, dy: Value, indices: Value, shape: readonly number[], pool: Pool): Value {
  const apart = pool.kernel.every((size, i) => size <= pool.stride[i]! && pool.pad[i] === 0);
  // Windows that reach beyond the image are more than MaxUnpool takes.
  if (apart && behind(pool).every((size) => size <= 0)) {
    const window = { kernel_shape: [...pool.kernel], strides: [...pool.stride] };
    return g.op('MaxUnpool', [dy, indices, g.ints(shape)], window, shape);
  }
  const zeros = g.op('ConstantOfShape', [g.ints([count(shape)])], {}, [count(shape)], 'float32');
  const flat = (value: Value): Value => g.reshape(value, [count(g.dims(dy))]);
  const added = g.op('ScatterElements', [zeros, flat(indices), flat(dy)], { axis: 0, reduction: 'add' }, [
    count(shape),
  ]);
  return g.reshape(added, shape);
}

/** The index, in the channel's plane, of the first element that equals the maximum. */
function winners(
  g: LayerGraph,
  parts: readonly Value[],
  y: Value,
  pool: Pool,
  lead: readonly number[],
): Value {
  const [width] = pool.input.slice(1) as [number];
  const places = taps(pool.kernel);
  return parts.reduceRight<Value>(
    (index, part, k) => {
      const [i, j] = places[k] as [number, number];
      const own = range(count(pool.output)).map((place) => {
        const row = Math.floor(place / pool.output[1]!) * pool.stride[0]! - pool.pad[0]! + i;
        const column = (place % pool.output[1]!) * pool.stride[1]! - pool.pad[1]! + j;
        return row * width + column;
      });
      return g.where(g.equal(part, y), g.constant(own, [1, 1, ...pool.output]), index);
    },
    g.filled([...lead, ...pool.output], -1),
  );
}

/** How many pixels every window is divided by: the padding around the image counts, what lies beyond it does not. */
function divisors({ input, output, kernel, stride, pad }: Pool): number[] {
  const along = input.map((size, i) =>
    range(output[i]!).map((place) => {
      const start = place * stride[i]! - pad[i]!;
      return Math.min(start + kernel[i]!, size + pad[i]!) - start;
    }),
  );
  return along[0]!.flatMap((rows) => along[1]!.map((columns) => rows * columns));
}

function averagePool(g: LayerGraph, x: Value, pool: Pool): LayerForward {
  const [n, c] = g.dims(x) as [number, number];
  const sizes = [n, c, ...pool.output];
  const window = count(pool.kernel);
  const divide = divisors(pool);
  const plane = [1, 1, ...pool.output];
  const whole = divide.every((size) => size === window);
  const padded = g.pad(x, [0, 0, ...pool.pad], [0, 0, ...behind(pool)]);
  const mean = g.op(
    'AveragePool',
    [padded],
    { kernel_shape: [...pool.kernel], strides: [...pool.stride] },
    sizes,
  );
  const y = whole
    ? mean
    : g.mul(
        mean,
        g.constant(
          divide.map((size) => window / size),
          plane,
        ),
      );
  const gradient = (dy: Value): Value => {
    const share = g.mul(
      dy,
      g.constant(
        divide.map((size) => 1 / size),
        plane,
      ),
    );
    const global = pool.kernel.every((size, i) => size === pool.input[i]! && pool.pad[i] === 0);
    if (global && count(pool.output) === 1) {
      return g.expand(share, [n, c, ...pool.input]);
    }
    return scatter(
      g,
      taps(pool.kernel).map(() => share),
      pool,
      pool.output,
      pool.input,
    );
  };
  return { tops: [y], backward: ([dy]) => ({ bottoms: [dy ? gradient(dy) : null] }) };
}

/** Only the windows that hold a pixel are computed; the others are 0/0 or the lowest number, as in Caffe. */
function poolWith(g: LayerGraph, x: Value, pool: Pool, uses: Uses): LayerForward {
  const filled = pool.output.map((places, i) =>
    Math.min(places, Math.ceil((pool.input[i]! + pool.pad[i]!) / pool.stride[i]!)),
  );
  const inner = { ...pool, output: filled };
  const made = pool.method === 'AVE' ? averagePool(g, x, inner) : maxPool(g, x, inner, uses);
  const empty = pool.output.map((places, i) => places - filled[i]!);
  if (empty.every((places) => places === 0)) return made;
  const around = (value: Value, fill: number): Value => g.pad(value, [0, 0, 0, 0], [0, 0, ...empty], fill);
  const [y, mask] = made.tops;
  return {
    tops: [around(y!, pool.method === 'AVE' ? NaN : LOWEST), ...(mask ? [around(mask, -1)] : [])],
    backward: ([dy], wanted) =>
      made.backward!(
        [dy ? g.pad(dy, [0, 0, 0, 0], [0, 0, ...empty.map((places) => -places)]) : null],
        wanted,
      ),
  };
}

/** The maximum or the mean under windows over height and width. A second top holds the indices of the maxima. */
export const pooling: LayerType = {
  type: 'Pooling',
  bottoms: { exact: 1 },
  tops: { min: 1, max: 2 },
  shapes({ layer, bottoms, topCount }) {
    const shape = only(bottoms);
    const pool = poolOf(layer, shape);
    if (topCount > 1 && pool.method !== 'MAX') {
      throw layerError(layer, `pool: ${pool.method} has one top; the second is for the indices of MAX`);
    }
    return { tops: range(topCount).map(() => [shape[0]!, shape[1]!, ...pool.output]), params: [] };
  },
  build({ g, layer, bottoms, topCount, training }) {
    const x = only(bottoms);
    return poolWith(g, x, poolOf(layer, g.dims(x)), { withMask: topCount > 1, training });
  },
};

/** The pools of a spatial pyramid: 1, 4, 16, ... bins. */
function pyramid(layer: LayerParameter, shape: readonly number[]): Pool[] {
  const { pyramid_height: height, pool: method } = layer.spp_param;
  const input = planeOf(layer, shape);
  checkMethod(layer, method);
  if (height < 1) throw layerError(layer, `pyramid_height is ${height}; expected 1 or more`);
  return range(height).map((level) => {
    const bins = 2 ** level;
    const kernel = input.map((size) => Math.ceil(size / bins));
    const pad = input.map((size, i) => Math.floor((kernel[i]! * bins - size + 1) / 2));
    if (pad.some((size, i) => size >= kernel[i]!)) {
      throw layerError(layer, `${bins} x ${bins} bins are too many for a plane of ${input.join(' x ')}`);
    }
    const output = pooledSizes(input, { kernel, stride: kernel, pad }, false);
    return { method, input, kernel, stride: kernel, pad, dilation: [1, 1], output };
  });
}

/** Spatial pyramid pooling: the pools of all levels, flattened and joined. */
export const spp: LayerType = {
  type: 'SPP',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const [n, c] = only(bottoms) as [number, number];
    const pools = pyramid(layer, only(bottoms));
    if (pools.length === 1) return { tops: [[n, c, ...pools[0]!.output]], params: [] };
    return { tops: [[n, c * pools.reduce((sum, pool) => sum + count(pool.output), 0)]], params: [] };
  },
  build({ g, layer, bottoms, training }) {
    const x = only(bottoms);
    const [n, c] = g.dims(x) as [number, number];
    const pools = pyramid(layer, g.dims(x));
    const levels = pools.map((pool) => poolWith(g, x, pool, { withMask: false, training }));
    if (levels.length === 1) return levels[0]!;
    const sizes = pools.map((pool) => c * count(pool.output));
    const flat = levels.map((level, i) => g.reshape(level.tops[0]!, [n, sizes[i]!]));
    return {
      tops: [g.concat(flat, 1)],
      backward([dy]) {
        if (!dy) return { bottoms: [null] };
        const parts = g.split(dy, sizes, 1).map((part, i) => {
          const level = levels[i]!;
          const shaped = g.reshape(part, g.dims(level.tops[0]!));
          return level.backward!([shaped], { bottoms: [true], params: [] }).bottoms[0]!;
        });
        return { bottoms: [g.sum(parts)] };
      },
    };
  },
};

export const poolingLayers: readonly LayerType[] = [pooling, spp];
