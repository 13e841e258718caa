/** A loss on whole tensors: rows by their formula, then weights, masks, reductions and counts. */
import { OperandError, SoftxentError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { isFloat, type Tensor } from '../tensor.js';
import { Counter, divisorOf, type ReferenceCounts } from './counts.js';
import type { Formula, Row, RowLoss } from './formula.js';
import { layoutOf, type Layout } from './layout.js';
import { Sum, zeros } from './numbers.js';
import { counted, need, read, rowOf } from './operands.js';
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
