/** Which elements make a row, and where a broadcast operand holds what belongs to it. */
import { ShapeError } from '../errors.js';
import { formatShape, sizeOf } from '../tensor.js';

/** A shape split into rows: the reduced axes run within a row, the others number the rows. */
export interface Layout {
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly rowShape: readonly number[];
  readonly rows: number;
  readonly extent: number;
  /** Index of each row's first element. */
  readonly bases: Int32Array;
  /** Distance of each element of a row from its first one. */
  readonly offsets: Int32Array;
}

function strides(shape: readonly number[]): number[] {
  const result: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = stride;
    stride *= shape[axis]!;
  }
  return result;
}

/** Coordinates of the element at a row-major index. */
export function coordinates(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    result[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return result;
}

/** For each row-major index of `shape`: the sum of coordinate times stride. */
function enumerate(shape: readonly number[], strideOf: readonly number[]): Int32Array {
  const result = new Int32Array(sizeOf(shape));
  const at = shape.map(() => 0);
  let offset = 0;
  for (let index = 0; index < result.length; index++) {
    result[index] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      offset += strideOf[axis]!;
      if (at[axis]! < shape[axis]!) break;
      offset -= strideOf[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

/** Splits a shape into rows along the given axes (negative ones count from the end). */
export function layoutOf(shape: readonly number[], axes: readonly number[]): Layout {
  const reduced = axes.map((axis) => (axis < 0 ? axis + shape.length : axis));
  for (const axis of reduced) {
    if (!(axis >= 0 && axis < shape.length)) {
      throw new ShapeError({
        subject: 'axis',
        found: axes.join(', '),
        expected: `axes of ${formatShape(shape)}`,
      });
    }
  }
  const stride = strides(shape);
  const all = shape.map((_, axis) => axis);
  const within = all.filter((axis) => reduced.includes(axis));
  const across = all.filter((axis) => !reduced.includes(axis));
  const pick = (from: readonly number[], chosen: readonly number[]): number[] =>
    chosen.map((axis) => from[axis]!);
  const rowShape = pick(shape, across);
  const bases = enumerate(rowShape, pick(stride, across));
  const offsets = enumerate(pick(shape, within), pick(stride, within));
  return { shape, axes: within, rowShape, rows: bases.length, extent: offsets.length, bases, offsets };
}

/** For each element of `to`: where an operand of shape `from` holds it, by numpy's broadcasting rule. */
export function broadcast(subject: string, from: readonly number[], to: readonly number[]): Int32Array {
  const skipped = to.length - from.length;
  const fits = skipped >= 0 && from.every((length, axis) => length === 1 || length === to[axis + skipped]);
  if (!fits) {
    throw new ShapeError({
      subject,
      found: `shape ${formatShape(from)}`,
      expected: `a shape that broadcasts to ${formatShape(to)}`,
    });
  }
  const stride = strides(from);
  return enumerate(
    to,
    to.map((_, axis) => (axis < skipped || from[axis - skipped] === 1 ? 0 : stride[axis - skipped]!)),
  );
}

/** A shape with the layout's reduced axes taken out, where it keeps them with length 1. */
export function dropKeptAxes(shape: readonly number[], { shape: full, axes }: Layout): readonly number[] {
  if (shape.length !== full.length || !axes.every((axis) => shape[axis] === 1)) return shape;
  return shape.filter((_, axis) => !axes.includes(axis));
}
