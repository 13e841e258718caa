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
  // A product with 0s and 1s reverses short rows several times faster than Gather or Slice, and changes no number.
  const backwards = k === 1 ? w : g.matMul(g.reshape(w, [a * b, k]), antidiagonal(g, k));
  const exchanged = g.transpose(g.reshape(backwards, [group, a / group, b, k]), [0, 2, 1, 3]);
  return g.reshape(exchanged, [group * b, a / group, ...kernel]);
}

const antidiagonal = (g: LayerGraph, k: number): Value =>
  g.constant(
    range(k * k).map((i) => (Math.floor(i / k) + (i % k) === k - 1 ? 1 : 0)),
    [k, k],
  );

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
  const dilated = window.dilation.some((size) => size > 1);
  // WebGPU has no ConvTranspose over three axes, and a wrong one for dilated groups (ONNX Runtime 1.30); no provider has
  // one for windows that see nothing but padding.
  const lacking = g.provider === 'webgpu' && (sizes.length > 2 || (dilated && group > 1));
  if (lacking || sizes.some((size, i) => size <= missing[i]!)) {
    return spreadByPlace(g, y, w, b, window, group, sizes);
  }
  if (g.provider === 'cpu' && group === 1 && inPhases(window) && missing.every((size) => size === 0)) {
    return spreadInPhases(g, y, w, b, window, [...window.pad, ...behind]);
  }
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

const inPhases = ({ kernel, stride, dilation }: Window): boolean =>
  kernel.length === 2 &&
  kernel.every((size, i) => size > stride[i]! && Number.isInteger(size / stride[i]!)) &&
  dilation.every((step) => step === 1);

/**
 * The same where the kernel is a whole number of steps long: what falls on each phase of the result is a convolution of its own,
 * with kernel / stride places and steps of 1. All phases are channels of one convolution; then they are interleaved. ONNX Runtime's CPU
 * provider adds up a ConvTranspose on one thread, but convolves on all: 32 to 16 channels, 4 x 4 by 2, take 0.63 of the time on two.
 */
function spreadInPhases(
  g: LayerGraph,
  y: Value,
  w: Value,
  b: Value | null,
  { kernel, stride }: Window,
  pads: readonly number[],
): Value {
  const [n, o, ...places] = g.dims(y) as [number, number, number, number];
  const c = g.dims(w)[1]!;
  const [sh, sw] = stride as [number, number];
  const [kh, kw] = kernel.map((size, i) => size / stride[i]!) as [number, number];
  const apart = g.transpose(g.reshape(w, [o, c, kh, sh, kw, sw]), [0, 1, 3, 5, 2, 4]);
  const phases = sh * sw;
  const bias = b && g.reshape(g.expand(g.reshape(b, [c, 1]), [c, phases]), [c * phases]);
  const sizes = [places[0] + kh - 1, places[1] + kw - 1] as const;
  const single: Window = { kernel: [kh, kw], stride: [1, 1], pad: [0, 0], dilation: [1, 1] };
  const all = spread(g, y, g.reshape(apart, [o, c * phases, kh, kw]), bias, single, 1, sizes);
  const picks = g.constant(
    range(phases * phases).map((i) => (i % (phases + 1) === 0 ? 1 : 0)),
    [phases, 1, sh, sw],
  );
  const size = (i: 0 | 1): number => sizes[i] * stride[i]! - pads[i]! - pads[i + 2]!;
  const woven = g.op(
    'ConvTranspose',
    [g.reshape(all, [n * c, phases, ...sizes]), picks],
    { kernel_shape: [sh, sw], strides: [sh, sw], pads: [...pads] },
    [n * c, 1, size(0), size(1)],
  );
  return g.reshape(woven, [n, c, size(0), size(1)]);
}

/** The same by matrix products: what every place of the kernel gives, added up where it belongs. */
function spreadByPlace(
  g: LayerGraph,
  y: Value,
  w: Value,
  b: Value | null,
  window: Window,
  group: number,
  sizes: readonly number[],
): Value {
  const [n, o, ...places] = g.dims(y) as [number, number, ...number[]];
  const cg = g.dims(w)[1]!;
  const k = count(window.kernel);
  const rows = g.reshape(y, [n, group, o / group, count(places)]);
  const kernels = g.transpose(g.reshape(w, [group, o / group, cg, k]), [3, 0, 2, 1]);
  const parts = range(k).map((at) => g.matMul(g.slice(kernels, [[0, at, at + 1]]), rows));
  const spreadOut = scatter(
    g,
    parts.map((part) => g.reshape(part, [n, group * cg, ...places])),
    window,
    places,
    sizes,
  );
  return b ? g.add(spreadOut, g.reshape(b, [group * cg, ...sizes.map(() => 1)])) : spreadOut;
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
  if (group === 1 && splits({ b, s, n, input, places }, window))
    return splitCorrelation(g, big, small, window);
  const k = count(window.kernel);
  const columns = g.reshape(lowered(g, big, window, places), [n, group, bg * k, count(places)]);
  const rows = g.reshape(small, [n, group, sg, count(places)]);
  const products = g.reduceSum(g.matMul(rows, g.transposed(columns)), [0]);
  return g.reshape(products, [s, bg, ...window.kernel]);
}

/**
 * What lies under every place of the kernel, for each channel: [N * B, k, places...]. A convolution with kernels of one
 * 1 each does in one pass what Slices and a Concat do in several. (A number that is not finite spreads to its window.)
 */
function lowered(g: LayerGraph, big: Value, window: Window, places: readonly number[]): Value {
  const [n, b, ...input] = g.dims(big) as [number, number, ...number[]];
  const k = count(window.kernel);
  const single = g.reshape(big, [n * b, 1, ...input]);
  if (k === 1 && window.pad.every((size) => size === 0) && window.stride.every((step) => step === 1))
    return single;
  const picks = g.constant(
    range(k * k).map((i) => (i % (k + 1) === 0 ? 1 : 0)),
    [k, 1, ...window.kernel],
  );
  const all = convolve(g, single, picks, null, window, 1);
  return g.reshape(all, [n * b, k, ...places]);
}

interface Sizes {
  readonly n: number;
  readonly b: number;
  readonly s: number;
  readonly input: readonly number[];
  readonly places: readonly number[];
}

/**
 * Whether to shift the one operand by rows and the other by columns: k + k copies of planes instead of k k, but the
 * result has to be transposed. Measured: a transposed weight costs about as much as ten copied numbers.
 */
function splits({ n, b, s, places }: Sizes, { kernel, stride, pad, dilation }: Window): boolean {
  if (kernel.length !== 2 || count(kernel) === 1 || stride.some((step) => step !== 1)) return false;
  if (pad.some((size, i) => size > dilation[i]! * (kernel[i]! - 1))) return false;
  const [kh, kw] = kernel as [number, number];
  const saved = (kh * kw * b - kw * b - kh * s) * count(places) * n;
  return saved > 10 * b * s * kh * kw;
}

function splitCorrelation(g: LayerGraph, big: Value, small: Value, window: Window): Value {
  const [n, b, height] = g.dims(big) as [number, number, number];
  const [, s, rows, columns] = g.dims(small) as [number, number, number, number];
  const [kh, kw] = window.kernel as [number, number];
  const [dh, dw] = window.dilation as [number, number];
  const [ph, pw] = window.pad as [number, number];
  // Row i of the kernel: small moved down by i - pad, so that it lies beside the big rows that it meets.
  const above = (kh - 1) * dh - ph;
  const picks = g.constant(
    range(kh * kh).map((i) => (Math.floor(i / kh) + (i % kh) === kh - 1 ? 1 : 0)),
    [kh, 1, kh, 1],
  );
  const down = g.op(
    'Conv',
    [g.reshape(small, [n * s, 1, rows, columns]), picks],
    { kernel_shape: [kh, 1], dilations: [dh, 1], pads: [above, 0, height - rows + ph, 0] },
    [n * s, kh, height, columns],
  );
  const beside = lowered(g, big, { kernel: [1, kw], stride: [1, 1], pad: [0, pw], dilation: [1, dw] }, [
    height,
    columns,
  ]);
  const size = height * columns;
  const products = g.reduceSum(
    g.matMul(g.reshape(down, [n, s * kh, size]), g.transposed(g.reshape(beside, [n, b * kw, size]))),
    [0],
  );
  return g.transpose(g.reshape(products, [s, kh, b, kw]), [0, 2, 1, 3]);
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
