/** A loss on whole tensors: rows by their formula, then weights, masks, reductions and counts. */
import { OperandError, ShapeError, SoftxentError } from '../errors.js';
import type { Loss, Reduction } from '../losses/loss.js';
import { formatShape, isFloat, type DType, type Tensor } from '../tensor.js';
import type { Formula, Row, RowLoss } from './formula.js';
import { broadcast, coordinates, dropKeptAxes, layoutOf, type Layout } from './layout.js';
import { asStored, sameStored, softTarget, storedNumbers, Sum, zeros } from './numbers.js';
import { binaryCrossEntropy, categoricalCrossEntropy } from './probabilities.js';
import { dice, diceSemimetric, jaccardMetric, tversky } from './region.js';
import { qualityFocal, sigmoidCrossEntropy } from './sigmoid.js';
import { softmaxCrossEntropy } from './softmax.js';

/** The formulas of the losses of this package, by kind. */
export const formulas: Readonly<Record<string, Formula>> = {
  sigmoidCrossEntropy,
  qualityFocal,
  softmaxCrossEntropy,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  diceSemimetric,
  jaccardMetric,
  dice,
  tversky,
};

/** Where the first invalid target stands, and what is wrong with it. */
export interface InvalidTarget {
  /** `value`: NaN or outside [0, 1]; `label`: no class; `sum`: a row that does not sum to 1. */
  readonly problem: 'value' | 'label' | 'sum';
  /** Coordinates in the targets' shape; for `sum`, in the shape of the rows. */
  readonly index: readonly number[];
}

/** What was counted. */
export interface ReferenceCounts {
  /** Rows that are neither masked nor ignored. */
  readonly valid: number;
  /** Sum of the weights of the valid rows; their number where there are no weights. */
  readonly weight: number;
  /** What the sum of the rows was divided by. */
  readonly divisor: number;
  /** Unmasked targets that are NaN, outside [0, 1] or no label. */
  readonly invalidValues: number;
  /** Unmasked rows of soft class targets whose sum differs from 1 by more than {@link rowSumTolerance}. */
  readonly invalidRows: number;
  /** Both together. */
  readonly invalid: number;
  /** The first row with something invalid in it, in row-major order of rows: values before sums. */
  readonly firstInvalid?: InvalidTarget;
}

/** The loss by the reference. */
export interface ReferenceResult {
  /** The reduced value; the rows themselves with reduction `none`. */
  readonly value: number | Float64Array;
  /** Weighted losses of the rows before the reduction; 0 where masked. */
  readonly rows: Float64Array;
  readonly rowShape: readonly number[];
  /** Derivatives of the reduced value (of the sum of the rows with `none`) times upstream, in the operands' shapes. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
  readonly counts: ReferenceCounts;
  /** For each number: the largest term added or subtracted to make it. See {@link Scaled}. */
  readonly scales: {
    readonly rows: Float64Array;
    readonly gradients: Readonly<Record<string, Float64Array>>;
  };
}

/** Options of {@link referenceLoss}. */
export interface ReferenceOptions {
  /** Operands to differentiate by; default: the prediction, and the targets where they are floats. */
  readonly gradients?: readonly string[];
  /** What the gradients are multiplied by: a number, or one a row with reduction `none`; default 1. */
  readonly upstream?: number | ArrayLike<number>;
  /** The formula of a loss that is not of this package. */
  readonly formula?: Formula;
}

/** How far a row of soft class targets may be from 1 before it counts as invalid. */
export function rowSumTolerance(dtype: DType, classes: number): number {
  if (dtype === 'uint8') return classes / 510;
  return dtype === 'float16' ? 1e-2 : 1e-4;
}

interface Operands {
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

function need(operands: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const found = operands[name];
  if (found !== undefined) return found;
  throw new OperandError({ subject: name, found: 'nothing', expected: 'a tensor' });
}

function sameShape(found: readonly number[], expected: readonly number[]): void {
  if (found.length === expected.length && found.every((length, axis) => length === expected[axis])) return;
  throw new ShapeError({ subject: 'targets', found: formatShape(found), expected: formatShape(expected) });
}

function read(
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
function counted(
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

function rowOf(row: number, positions: readonly number[], layout: Layout, from: Operands): Row {
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

const inUnitInterval = (t: number): boolean => t >= 0 && t <= 1;

class Counter {
  valid = 0;
  readonly weight = new Sum();
  values = 0;
  sums = 0;
  first: InvalidTarget | undefined;

  constructor(
    private readonly formula: Formula,
    private readonly layout: Layout,
    private readonly from: Operands,
  ) {}

  add(row: number, positions: readonly number[], { t }: Row): void {
    const { from, layout } = this;
    this.valid++;
    this.weight.add(from.weight(row));
    if (from.labels) {
      const label = from.targets[row]!;
      if (label >= 0 && label < layout.extent) return;
      this.values++;
      this.first ??= { problem: 'label', index: coordinates(row, from.targetShape) };
      return;
    }
    for (const [i, value] of t.entries()) {
      if (inUnitInterval(value)) continue;
      this.values++;
      const index = layout.bases[row]! + layout.offsets[positions[i]!]!;
      this.first ??= { problem: 'value', index: coordinates(index, layout.shape) };
    }
    if (!this.formula.distributions) return;
    const total = new Sum();
    for (const value of t) total.add(value);
    if (Math.abs(total.value - 1) > rowSumTolerance(from.targetType, layout.extent)) {
      this.sums++;
      this.first ??= { problem: 'sum', index: coordinates(row, layout.rowShape) };
    }
  }
}

function divisorOf(reduction: Reduction, counter: Counter, { rows, shape }: Layout): number {
  switch (reduction) {
    case 'none':
    case 'sum':
      return 1;
    case 'mean':
      return rows;
    case 'mean-valid':
      return counter.valid;
    case 'mean-batch':
      return shape[0] ?? 1;
    case 'mean-weight':
      return counter.weight.value;
  }
}

function formulaOf(kind: string): Formula {
  const found = Object.hasOwn(formulas, kind) ? formulas[kind] : undefined;
  if (found !== undefined) return found;
  throw new SoftxentError('REFERENCE', `the reference has no formula for losses of kind ${kind}`);
}

interface Gradient {
  readonly values: Float64Array;
  readonly scales: Float64Array;
}

/**
 * A loss and its gradients in float64, straight from the formulas, with compensated sums: what backends are held to.
 * It shares nothing with the programs that backends run, and takes its time.
 *
 * @param operands host tensors: `logits` or `probabilities`, `targets`, optional `weights` and `mask`
 * @throws {OperandError} for a missing operand
 * @throws {ShapeError} for shapes that do not fit each other
 */
export function referenceLoss(
  loss: Loss,
  operands: Readonly<Record<string, Tensor>>,
  options: ReferenceOptions = {},
): ReferenceResult {
  const formula = options.formula ?? formulaOf(loss.kind);
  const name = formula.prediction(loss.options);
  const { shape } = need(operands, name);
  const layout = layoutOf(shape, formula.axes(loss.options, shape.length));
  const from = read(formula, loss, operands, layout);
  const counter = new Counter(formula, layout, from);

  const rows = zeros(layout.rowShape);
  const rowScales = zeros(layout.rowShape);
  const byPrediction: Gradient = { values: zeros(shape), scales: zeros(shape) };
  const byTarget: Gradient = { values: zeros(shape), scales: zeros(shape) };
  for (let row = 0; row < layout.rows; row++) {
    const positions = counted(row, formula.granularity, layout, from);
    if (positions.length === 0) continue;
    const parts = rowOf(row, positions, layout, from);
    counter.add(row, positions, parts);
    const weight = from.weight(row);
    if (weight === 0) continue;
    const result = rowLoss(formula, loss, parts, from.labels ? from.targets[row]! : undefined);
    rows[row] = weight * result.value;
    rowScales[row] = Math.abs(weight) * result.scale;
    for (const [i, position] of positions.entries()) {
      const index = layout.bases[row]! + layout.offsets[position]!;
      put(byPrediction, index, weight, result.byPrediction[i]!);
      put(byTarget, index, weight, result.byTarget[i]!);
    }
  }

  const { reduction } = loss.options;
  const divisor = divisorOf(reduction, counter, layout);
  const total = new Sum();
  for (const row of rows) total.add(row);
  const mean = divisor === 0 ? 0 : total.value / divisor;

  const all: Record<string, Gradient> = { [name]: byPrediction };
  if (isFloat(need(operands, 'targets').dtype)) all['targets'] = byTarget;
  const gradients: Record<string, Float64Array> = {};
  const gradientScales: Record<string, Float64Array> = {};
  for (const wanted of options.gradients ?? Object.keys(all)) {
    const gradient = all[wanted];
    if (gradient === undefined) {
      throw new OperandError({
        subject: wanted,
        found: 'no gradient',
        expected: Object.keys(all).join(' or '),
      });
    }
    finish(gradient, divisor, options.upstream ?? 1, layout);
    gradients[wanted] = gradient.values;
    gradientScales[wanted] = gradient.scales;
  }
  return {
    value: reduction === 'none' ? rows : mean,
    rows,
    rowShape: layout.rowShape,
    gradients,
    counts: {
      valid: counter.valid,
      weight: counter.weight.value,
      divisor,
      invalidValues: counter.values,
      invalidRows: counter.sums,
      invalid: counter.values + counter.sums,
      ...(counter.first === undefined ? {} : { firstInvalid: counter.first }),
    },
    scales: { rows: rowScales, gradients: gradientScales },
  };
}

function rowLoss(formula: Formula, loss: Loss, row: Row, label: number | undefined): RowLoss {
  if (label === undefined || (label >= 0 && label < row.x.length)) return formula.row(row, loss.options);
  const nan = { value: NaN, scale: NaN };
  const each = row.x.map(() => nan);
  return { ...nan, byPrediction: each, byTarget: each };
}

function put(
  gradient: Gradient,
  index: number,
  weight: number,
  { value, scale }: { value: number; scale: number },
): void {
  gradient.values[index] = weight * value;
  gradient.scales[index] = Math.abs(weight) * scale;
}

/** Elements whose row was not computed keep their exact 0, whatever upstream is. */
function finish(
  gradient: Gradient,
  divisor: number,
  upstream: number | ArrayLike<number>,
  layout: Layout,
): void {
  if (divisor === 0) {
    gradient.values.fill(0);
    gradient.scales.fill(0);
    return;
  }
  for (let row = 0; row < layout.rows; row++) {
    const given = typeof upstream === 'number' ? upstream : upstream[row]!;
    const factor = given / divisor;
    for (const offset of layout.offsets) {
      const index = layout.bases[row]! + offset;
      const value = gradient.values[index]!;
      const scale = gradient.scales[index]!;
      if (value !== 0) gradient.values[index] = value * factor;
      if (scale !== 0) gradient.scales[index] = scale * Math.abs(factor);
    }
  }
}
