/** Operands as a formula needs them: row by row, without what is masked or ignored. */
import { OperandError, ShapeError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { formatShape, type DType, type Tensor } from '../tensor.js';
import type { Formula, Row } from './formula.js';
import { broadcast, dropKeptAxes, type Layout } from './layout.js';
import { asStored, sameStored, softTarget, storedNumbers } from './numbers.js';

/** The operands of a call, read. */
export interface Operands {
  readonly prediction: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly targetType: DType;
  readonly targetShape: readonly number[];
  readonly labels: boolean;
  /** Weight of a row. */
  readonly weight: (row: number) => number;
  /** Whether an element is masked out (element and region losses), or a row (class losses). */
  readonly masked: (index: number) => boolean;
  readonly ignored: (target: number) => boolean;
}

/** An operand that has to be there. */
export function need(operands: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const found = operands[name];
  if (found !== undefined) return found;
  throw new OperandError({ subject: name, found: 'nothing', expected: 'a tensor' });
}

function sameShape(found: readonly number[], expected: readonly number[]): void {
  if (found.length === expected.length && found.every((length, axis) => length === expected[axis])) return;
  throw new ShapeError({ subject: 'targets', found: formatShape(found), expected: formatShape(expected) });
}

/** Reads all operands. */
export function read(
  formula: Formula,
  loss: Loss,
  operands: Readonly<Record<string, Tensor>>,
  layout: Layout,
): Operands {
  const targets = need(operands, 'targets');
  const { weights, mask } = operands;
  const { granularity } = formula;
  const labels = targets.dtype === 'int32';
  sameShape(
    labels ? dropKeptAxes(targets.shape, layout) : targets.shape,
    labels ? layout.rowShape : layout.shape,
  );
  const weightAt =
    weights === undefined
      ? undefined
      : broadcast('weights', dropKeptAxes(weights.shape, layout), layout.rowShape);
  const weightValues = weights === undefined ? [] : storedNumbers(weights);
  const maskAt =
    mask === undefined
      ? undefined
      : granularity === 'class'
        ? broadcast('mask', dropKeptAxes(mask.shape, layout), layout.rowShape)
        : broadcast('mask', mask.shape, layout.shape);
  const maskValues = mask === undefined ? [] : storedNumbers(mask);
  const { ignoreValue } = loss.options;
  const ignore = ignoreValue === undefined ? undefined : asStored(ignoreValue, targets.dtype);
  return {
    prediction: storedNumbers(need(operands, formula.prediction(loss.options))),
    targets: storedNumbers(targets),
    targetType: targets.dtype,
    targetShape: targets.shape,
    labels,
    weight: (row) => (weightAt === undefined ? 1 : weightValues[weightAt[row]!]!),
    masked: (index) => maskAt !== undefined && maskValues[maskAt[index]!] === 0,
    ignored: (target) => ignore !== undefined && sameStored(target, ignore),
  };
}

const none: readonly number[] = [];
const only: readonly number[] = [0];

/** Positions of a row that count; none where the row is masked or ignored whole. */
export function counted(
  row: number,
  granularity: Formula['granularity'],
  layout: Layout,
  from: Operands,
): readonly number[] {
  const { bases, offsets } = layout;
  const base = bases[row]!;
  // The common case, and the one with the most rows.
  if (granularity === 'element') return from.masked(base) || from.ignored(from.targets[base]!) ? none : only;
  const all = Array.from(offsets, (_, position) => position);
  const targetAt = (position: number): number => from.targets[base + offsets[position]!]!;
  if (granularity !== 'class') {
    return all.filter((p) => !from.masked(base + offsets[p]!) && !from.ignored(targetAt(p)));
  }
  if (from.masked(row)) return [];
  if (from.labels) return from.ignored(from.targets[row]!) ? [] : all;
  return all.every((p) => from.ignored(targetAt(p))) ? [] : all;
}

/** A row with its counted positions alone. */
export function rowOf(row: number, positions: readonly number[], layout: Layout, from: Operands): Row {
  if (layout.axes.length === 0) {
    const { t, notT } = softTarget(from.targets[row]!, from.targetType);
    return { x: [from.prediction[row]!], t: [t], notT: [notT], labels: false };
  }
  const indices = positions.map((p) => layout.bases[row]! + layout.offsets[p]!);
  const x = indices.map((index) => from.prediction[index]!);
  if (from.labels) {
    const label = from.targets[row]!;
    const t = positions.map((p) => (p === label ? 1 : 0));
    return { x, t, notT: t.map((value) => 1 - value), labels: true };
  }
  const soft = indices.map((index) => softTarget(from.targets[index]!, from.targetType));
  return { x, t: soft.map(({ t }) => t), notT: soft.map(({ notT }) => notT), labels: false };
}
