/** Shapes of results, as far as they follow from symbolic shapes of operands. What is unknown stays `null`. */

import { GraphError, type Dim, type Shape } from './types.js';

/** The shape in words, for messages: `[n, 3, ?, 4]`. */
export function showShape(shape: Shape): string {
  return shape === null ? '(unknown rank)' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}

/** `axis` counted from the front. Throws where it is outside `[-rank, rank)`. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new GraphError(`${what}: axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return axis < 0 ? axis + rank : axis;
}

function dimOr1(shape: readonly Dim[], i: number): Dim {
  const dim = shape[i];
  return dim === undefined ? 1 : dim;
}

/** numpy's broadcasting. Throws where two known sizes differ and neither is 1. */
export function broadcastShapes(what: string, ...shapes: readonly Shape[]): Shape {
  let result: readonly Dim[] = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    const rank = Math.max(result.length, shape.length);
    const next: Dim[] = [];
    for (let i = 0; i < rank; i++) {
      const a = dimOr1(result, result.length - rank + i);
      const b = dimOr1(shape, shape.length - rank + i);
      if (a === b || b === 1) next.push(a);
      else if (a === 1) next.push(b);
      // A known size above 1 wins over a name: the name can only be that size or 1.
      else if (typeof a === 'number' && typeof b === 'number') {
        throw new GraphError(
          `${what}: shapes ${shapes.map(showShape).join(' and ')} do not broadcast (${a} against ${b})`,
        );
      } else next.push(typeof a === 'number' ? a : typeof b === 'number' ? b : null);
    }
    result = next;
  }
  return result;
}

/** numpy's matmul. */
export function matMulShape(a: Shape, b: Shape): Shape {
  if (a === null || b === null) return null;
  if (a.length === 0 || b.length === 0) throw new GraphError('MatMul: an operand is a scalar');
  const inner = a[a.length - 1]!;
  const other = b.length === 1 ? b[0]! : b[b.length - 2]!;
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other) {
    throw new GraphError(
      `MatMul: ${showShape(a)} times ${showShape(b)}: ${inner} columns against ${other} rows`,
    );
  }
  const batch = broadcastShapes('MatMul', a.slice(0, -2), b.slice(0, -2));
  if (batch === null) return null;
  return [
    ...batch,
    ...(a.length > 1 ? [a[a.length - 2] ?? null] : []),
    ...(b.length > 1 ? [b[b.length - 1] ?? null] : []),
  ];
}

/** The shape after a reduction over `axes` (all where none are given). */
export function reduceShape(
  shape: Shape,
  axes: readonly number[] | undefined,
  keepdims: boolean,
  what: string,
): Shape {
  if (shape === null) return null;
  const reduced = new Set(axes?.map((axis) => normalizeAxis(axis, shape.length, what)) ?? shape.keys());
  return shape.flatMap((dim, i) => (reduced.has(i) ? (keepdims ? [1] : []) : [dim]));
}

/** The shape of a concatenation. */
export function concatShape(shapes: readonly Shape[], axis: number): Shape {
  const [first] = shapes;
  if (first === undefined) throw new GraphError('Concat: no operands');
  if (first === null) return null;
  const at = normalizeAxis(axis, first.length, 'Concat');
  let sum: number | null = 0;
  for (const shape of shapes) {
    const dim = shape?.[at];
    sum = typeof dim === 'number' && sum !== null ? sum + dim : null;
  }
  return first.map((dim, i) => (i === at ? sum : dim));
}

/** Windows of convolutions and pools: all lists hold one number per spatial axis, pads the begins and then the ends. */
export interface Window {
  kernel: readonly Dim[];
  strides: readonly number[];
  pads: readonly number[];
  dilations: readonly number[];
  ceil?: boolean;
}

/** Output size per spatial axis of a convolution or a pool. */
export function windowDims(input: readonly Dim[], window: Window): Dim[] {
  return input.map((dim, i) => {
    const kernel = window.kernel[i];
    const stride = window.strides[i] ?? 1;
    const before = window.pads[i] ?? 0;
    const after = window.pads[i + input.length] ?? 0;
    if (typeof kernel !== 'number') return null;
    const shrink = (kernel - 1) * (window.dilations[i] ?? 1) - before - after;
    if (typeof dim !== 'number') return stride === 1 && shrink === 0 ? dim : null;
    const steps = (dim - shrink - 1) / stride;
    if (!window.ceil) return Math.floor(steps) + 1;
    const size = Math.ceil(steps) + 1;
    // As ONNX (and Caffe): the last window must begin inside the image or its leading padding.
    return (size - 1) * stride >= dim + before ? size - 1 : size;
  });
}

/** Output size per spatial axis of a transposed convolution. */
export function transposedDims(
  input: readonly Dim[],
  window: Window,
  outputPadding: readonly number[],
): Dim[] {
  return input.map((dim, i) => {
    const kernel = window.kernel[i];
    if (typeof dim !== 'number' || typeof kernel !== 'number') return null;
    const pads = (window.pads[i] ?? 0) + (window.pads[i + input.length] ?? 0);
    return (
      (window.strides[i] ?? 1) * (dim - 1) +
      (outputPadding[i] ?? 0) +
      (kernel - 1) * (window.dilations[i] ?? 1) +
      1 -
      pads
    );
  });
}

/** The shape after Reshape to known numbers: 0 copies the operand's size, one -1 takes what is left. */
export function reshapeShape(shape: Shape, to: readonly number[]): Shape {
  const result: Dim[] = to.map((size, i) => (size === 0 ? (shape?.[i] ?? null) : size));
  const rest = result.indexOf(-1);
  if (rest < 0) return result;
  const known = (dims: readonly Dim[]): number | null =>
    dims.reduce<number | null>(
      (product, dim) => (typeof dim === 'number' && product !== null ? product * dim : null),
      1,
    );
  const total = shape === null ? null : known(shape);
  const others = known(result.filter((_, i) => i !== rest));
  if (total === null || others === null) {
    result[rest] = null;
  } else {
    if (others === 0 || total % others !== 0)
      throw new GraphError(`Reshape: ${showShape(shape)} does not divide into [${to.join(', ')}]`);
    result[rest] = total / others;
  }
  return result;
}

/** One axis after Slice from `start` to `end` by `step`. */
export function sliceDim(dim: Dim, start: number, end: number, step: number): Dim {
  if (typeof dim !== 'number') return null;
  const clamp = (value: number): number => {
    const from = value < 0 ? value + dim : value;
    return step > 0 ? Math.min(Math.max(from, 0), dim) : Math.min(Math.max(from, -1), dim - 1);
  };
  // In a backward slice an end below -dim means "past the first element".
  const last = step < 0 && end < -dim ? -1 : clamp(end);
  return Math.max(0, Math.ceil((last - clamp(start)) / step));
}
