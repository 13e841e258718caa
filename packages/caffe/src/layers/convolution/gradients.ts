/** What convolutions are made of in both directions: sliding products, and the gradients of their two operands. */

import { count, range } from '../graph.js';
import type { LayerGraph, SliceRange, Value } from '../graph.js';
import type { Window } from './geometry.js';
import { extent } from './geometry.js';

const attributes = (window: Window, group: number): Record<string, number | number[]> => ({
  kernel_shape: [...window.kernel],
  strides: [...window.stride],
  dilations: [...window.dilation],
  pads: [...window.pad, ...window.pad],
  group,
});

/** All places of a window: for k = [2, 3] the pairs [0,0], [0,1], ... [1,2], in this order. */
export function taps(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (places, size) => places.flatMap((place) => range(size).map((i) => [...place, i])),
    [[]],
  );
}

/** Sliding products of x [N, C, in...] with w [O, C/group, k...], plus b [O]. */
export function convolve(
  g: LayerGraph,
  x: Value,
  w: Value,
  b: Value | null,
  window: Window,
  group: number,
): Value {
  const [n, , ...input] = g.dims(x);
  const outputs = g.dims(w)[0]!;
  const sizes = input.map(
    (size, i) => Math.floor((size + 2 * window.pad[i]! - extent(window, i)) / window.stride[i]!) + 1,
  );
  return g.op('Conv', b ? [x, w, b] : [x, w], attributes(window, group), [n!, outputs, ...sizes]);
}

/** w [A, B/group, k...] with the kernel turned round and inputs and outputs exchanged: [B, A/group, k...]. */
function turned(g: LayerGraph, w: Value, kernel: readonly number[], group: number): Value {
  const [a, b] = g.dims(w) as [number, number];
  const k = count(kernel);
  const split = g.reshape(w, [group, a / group, b, k]);
  // The kernel first: turning it round then moves whole matrices.
  const first = g.transpose(split, [3, 0, 2, 1]);
  const backwards = k === 1 ? first : g.gather(first, g.ints(range(k).map((i) => k - 1 - i)), 0);
  const last = g.transpose(backwards, [1, 2, 3, 0]);
  return g.reshape(last, [group * b, a / group, ...kernel]);
}

/**
 * The transpose of {@link convolve} in its first operand: spreads y [N, O, out...] through w [O, C/group, k...] to
 * [N, C, sizes...]. It is the input gradient of a convolution and the forward pass of a deconvolution.
 */
export function spread(
  g: LayerGraph,
  y: Value,
  w: Value,
  b: Value | null,
  window: Window,
  group: number,
  sizes: readonly number[],
): Value {
  const [n, , ...places] = g.dims(y);
  const channels = g.dims(w)[1]! * group;
  if (window.stride.every((step) => step === 1)) {
    // A convolution with the kernel turned round, padded by what the forward pass did not pad.
    const pad = range(sizes.length).map((i) => extent(window, i) - 1 - window.pad[i]!);
    const cut = pad.map((size) => Math.min(0, size));
    const inner = g.pad(y, [0, 0, ...cut], [0, 0, ...cut]);
    const around = { ...window, pad: pad.map((size) => Math.max(0, size)) };
    return convolve(g, inner, turned(g, w, window.kernel, group), b, around, group);
  }
  // What the last window does not reach is cut from the padding behind, or, where that is not enough, added.
  const rest = sizes.map((size, i) => {
    return size + 2 * window.pad[i]! - ((places[i]! - 1) * window.stride[i]! + extent(window, i));
  });
  const behind = rest.map((size, i) => Math.max(0, window.pad[i]! - size));
  const missing = rest.map((size, i) => Math.max(0, size - window.pad[i]!));
  const made = g.op(
    'ConvTranspose',
    b ? [y, w, b] : [y, w],
    { ...attributes(window, group), pads: [...window.pad, ...behind] },
    [n!, channels, ...sizes.map((size, i) => size - missing[i]!)],
  );
  if (b && missing.some((size) => size > 0))
    throw new RangeError('a bias cannot reach places that no window does');
  return g.pad(made, [0, 0, ...sizes.map(() => 0)], [0, 0, ...missing]);
}

/**
 * The gradient of the weights: for every place of the kernel, the products of `small` [N, S, out...] with what of
 * `big` [N, B, in...] lies under it. Gives [S, B/group, k...].
 */
export function correlate(g: LayerGraph, big: Value, small: Value, window: Window, group: number): Value {
  const [n, b, ...input] = g.dims(big) as [number, number, ...number[]];
  const [, s, ...places] = g.dims(small) as [number, number, ...number[]];
  const bg = b / group;
  const sg = s / group;
  const rows = (x: Value, channels: number): Value => g.reshape(x, [n, group, channels, count(g.dims(x), 2)]);
  const product = (left: Value, right: Value): Value =>
    g.reshape(g.reduceSum(g.matMul(rows(left, sg), g.transposed(rows(right, bg))), [0]), [s, bg]);
  const stack = (products: readonly Value[]): Value => {
    const joined = g.concat(
      products.map((value) => g.reshape(value, [1, s, bg])),
      0,
    );
    return g.reshape(g.transpose(joined, [1, 2, 0]), [s, bg, ...window.kernel]);
  };
  const unit = window.stride.every((step) => step === 1);
  if (unit && input.length === 2 && splits(b, s, places)) {
    return stack(splitShifts(g, big, small, window).map(([left, right]) => product(left, right)));
  }
  const padded = g.pad(
    big,
    [0, 0, ...window.pad],
    [0, 0, ...input.map((size, i) => reach(window, places, i) - size - window.pad[i]!)],
  );
  return stack(taps(window.kernel).map((tap) => product(small, under(g, padded, tap, window, places))));
}

/** How much of the padded input the windows reach over. */
const reach = (window: Window, places: readonly number[], i: number): number =>
  (places[i]! - 1) * window.stride[i]! + extent(window, i);

/** What of a padded input lies under one place of the kernel: [N, C, places...]. */
export function under(
  g: LayerGraph,
  padded: Value,
  tap: readonly number[],
  window: Window,
  places: readonly number[],
): Value {
  return g.slice(
    padded,
    tap.map((at, i): SliceRange => {
      const start = at * window.dilation[i]!;
      const step = window.stride[i]!;
      return [i + 2, start, start + (places[i]! - 1) * step + 1, step];
    }),
  );
}

/** Few channels over a large plane: copying costs more than multiplying. */
const splits = (big: number, small: number, places: readonly number[]): boolean =>
  Math.min(big, small) < 64 && count(places) >= 64;

/**
 * Pairs of operands for every place of the kernel, made by shifting the small one by rows and the big one by columns:
 * k + k copies instead of k k. A shift of nothing is no copy.
 */
function splitShifts(g: LayerGraph, big: Value, small: Value, window: Window): [Value, Value][] {
  const [, , height, width] = g.dims(big) as [number, number, number, number];
  const [, , rows, columns] = g.dims(small) as [number, number, number, number];
  const [kh, kw] = window.kernel as [number, number];
  const [dh, dw] = window.dilation as [number, number];
  const [ph, pw] = window.pad as [number, number];
  const shifted = range(kh).map((i) => {
    const top = i * dh - ph;
    return g.pad(small, [0, 0, top, 0], [0, 0, height - rows - top, 0]);
  });
  const beside = range(kw).map((j) => {
    const left = pw - j * dw;
    return g.pad(big, [0, 0, 0, left], [0, 0, 0, columns - width - left]);
  });
  return taps([kh, kw]).map(([i, j]) => [shifted[i!]!, beside[j!]!]);
}

/**
 * Adds up, on a plane of the given sizes, what every place of a window gives: the transpose of taking it with
 * {@link under}. `parts` are [N, C, places...] in the order of {@link taps}.
 */
export function scatter(
  g: LayerGraph,
  parts: readonly Value[],
  window: Window,
  places: readonly number[],
  sizes: readonly number[],
): Value {
  const [n, c] = g.dims(parts[0]!) as [number, number];
  const plane = sizes.map((size, i) => Math.max(size + window.pad[i]!, reach(window, places, i)));
  const coarse = plane.map((size, i) => Math.ceil(size / window.stride[i]!));
  // Windows at a distance of `stride` meet on the same phase of the plane: add those up, then interleave the phases.
  const phases = taps(window.stride).map((phase) => {
    const members = taps(window.kernel).flatMap((tap, index) => {
      const start = tap.map((at, i) => at * window.dilation[i]!);
      if (start.some((at, i) => at % window.stride[i]! !== phase[i])) return [];
      const shift = start.map((at, i) => Math.floor(at / window.stride[i]!));
      const after = coarse.map((size, i) => size - shift[i]! - places[i]!);
      return [g.pad(parts[index]!, [0, 0, ...shift], [0, 0, ...after])];
    });
    return members.length > 0 ? g.sum(members) : g.filled([n, c, ...coarse], 0);
  });
  const joined = g.concat(
    phases.map((phase) => g.reshape(phase, [n * c, 1, ...coarse])),
    1,
  );
  const axes = sizes.length;
  const apart = g.reshape(joined, [n * c, ...window.stride, ...coarse]);
  const woven = g.transpose(apart, [0, ...range(axes).flatMap((i) => [1 + axes + i, 1 + i])]);
  const whole = g.reshape(woven, [n, c, ...coarse.map((size, i) => size * window.stride[i]!)]);
  return g.slice(
    whole,
    sizes.map((size, i): SliceRange => [i + 2, window.pad[i]!, window.pad[i]! + size]),
  );
}
