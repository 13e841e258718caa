import { OptionError, ShapeError } from '../errors.js';
import { formatShape, sizeOf } from '../tensor.js';

/**
 * The canonical form of every computation: element (o, e, i) stands at (o * extent + e) * inner + i, the row (o, i)
 * runs along `extent`. Losses over single elements have outer = extent = 1, and a row for each element.
 */
export interface Layout {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
}

/** The layout of a prediction and the shapes that follow from its reduced axes. */
export interface Shapes {
  readonly layout: Layout;
  /** The prediction's shape. */
  readonly element: readonly number[];
  /** Without the reduced axes: what values, row weights and row masks have. */
  readonly row: readonly number[];
  /** With length 1 on the reduced axes. */
  readonly keptRow: readonly number[];
  /** The reduced axes, ascending. */
  readonly axes: readonly number[];
}

/**
 * Brings a prediction's shape and its reduced axes into canonical form.
 *
 * @throws {OptionError} for an axis that the shape does not have, axes named twice or not adjacent
 * @throws {ShapeError} for a scalar that is to have axes
 */
export function shapesOf(
  subject: string,
  kind: string,
  shape: readonly number[],
  requested: readonly number[],
): Shapes {
  const rank = shape.length;
  if (requested.length === 0) {
    const inner = sizeOf(shape);
    return { layout: { outer: 1, extent: 1, inner }, element: shape, row: shape, keptRow: shape, axes: [] };
  }
  const axes = requested.map((axis) => resolveAxis(kind, axis, subject, shape)).toSorted((a, b) => a - b);
  const first = axes[0] ?? 0;
  if (axes.some((axis, i) => axis !== first + i)) {
    throw new OptionError({
      subject: `${kind} axes`,
      found: formatShape(requested),
      expected: 'distinct, adjacent axes; transpose the operands first',
    });
  }
  const end = first + axes.length;
  const extent = sizeOf(shape.slice(first, end));
  return {
    layout: { outer: sizeOf(shape.slice(0, first)), extent, inner: sizeOf(shape.slice(end)) },
    element: shape,
    row: [...shape.slice(0, first), ...shape.slice(end)],
    keptRow: shape.map((size, i) => (i >= first && i < end ? 1 : size)),
    axes: Array.from({ length: rank }, (_, i) => i).filter((i) => i >= first && i < end),
  };
}

function resolveAxis(kind: string, axis: number, subject: string, shape: readonly number[]): number {
  const rank = shape.length;
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw rank === 0
      ? new ShapeError({ subject, found: 'shape []', expected: `at least one dimension for ${kind}` })
      : new OptionError({
          subject: `${kind} axis`,
          found: `${axis} for ${subject} of shape ${formatShape(shape)}`,
          expected: `a whole number from ${-rank} to ${rank - 1}`,
        });
  }
  return resolved;
}
