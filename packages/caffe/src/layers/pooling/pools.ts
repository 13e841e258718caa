/** The nodes of pools and of their gradients. */

import { scatter, taps, under } from '../convolution/gradients.js';
import { count, range } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerForward } from '../layer.js';
import type { Pool } from './geometry.js';
import { behind, divisors } from './geometry.js';

/** Below every number that can win: what Caffe starts a maximum from. */
const LOWEST = -3.4028234663852886e38;

/** What is wanted of a pool: indices of the maxima, gradients. */
export interface Uses {
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
export function poolWith(g: LayerGraph, x: Value, pool: Pool, uses: Uses): LayerForward {
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
