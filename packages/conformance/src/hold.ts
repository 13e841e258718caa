/** Holds one call of a session against the reference. */
import { accuracyOf, type DType, type Loss, type Session, type Tensor } from '@softxent/core';
import { referenceLoss, type Formula, type ReferenceResult } from '@softxent/core/reference';
import { BrokenPromise, worse, type Measured, type Subject } from './check.js';
import { coordinatesOf, describeOperands, elementAt, type HostOperands } from './tensors.js';
import { deviationOf, leastNormal, ulpOf, underflowOf, type Allowance } from './ulp.js';

/** A call: a loss on operands. */
export interface LossCase {
  readonly loss: Loss;
  readonly operands: HostOperands;
  /** Operands by which gradients are wanted; default: all that have one. */
  readonly gradients?: readonly string[];
  readonly upstream?: number;
  /** The formula, for a loss that the reference does not know. */
  readonly formula?: Formula;
}

/** What a session gave for a case. */
export interface CaseResult {
  readonly value: number | Tensor;
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly divisor: number;
  readonly invalid?: number;
}

/** The case in words. */
export function describeCase({ loss, operands, upstream }: LossCase): string {
  const scaled = upstream === undefined ? '' : `, upstream ${upstream}`;
  return `  loss     ${loss.kind} ${JSON.stringify(loss.options)}\n  operands ${describeOperands(operands)}${scaled}`;
}

/** The names of the operands that a case differentiates by. */
export function gradientsOf({ loss, operands, gradients }: LossCase): readonly string[] {
  if (gradients !== undefined) return gradients;
  const prediction = operands['logits'] === undefined ? 'probabilities' : 'logits';
  const targets = operands['targets']?.dtype;
  const isSoft = targets !== 'uint8' && targets !== 'int32';
  // Entropy has no derivative where a target is 0, and labels have none at all.
  return isSoft && loss.options['floor'] !== 'entropy' ? [prediction, 'targets'] : [prediction];
}

/** Runs a case. */
export function runCase(session: Session, given: LossCase): Promise<CaseResult> {
  const { loss, operands, upstream } = given;
  const options = { gradients: gradientsOf(given), ...(upstream === undefined ? {} : { upstream }) };
  return session.valueAndGrad(loss, operands, options) as Promise<CaseResult>;
}

type FloatType = 'float16' | 'float32' | 'float64';

/** The precision in which results of a case are promised. */
export function precisionOf({ operands }: LossCase): 'float32' | 'float64' {
  const dtype: DType | undefined = (operands['logits'] ?? operands['probabilities'])?.dtype;
  return dtype === 'float64' ? 'float64' : 'float32';
}

/** Holds results against the reference; throws {@link BrokenPromise} with the worst element. */
export function compare(
  subject: Pick<Subject, 'accuracy' | 'formula'>,
  given: LossCase,
  got: CaseResult,
): Measured {
  const names = gradientsOf(given);
  const formula = given.formula ?? subject.formula;
  const expected = referenceLoss(given.loss, given.operands, {
    gradients: names,
    ...(given.upstream === undefined ? {} : { upstream: given.upstream }),
    ...(formula === undefined ? {} : { formula }),
  });
  let measured = compareValue(subject, given, got, expected);
  for (const name of names) {
    const gradient = got.gradients[name];
    const operand = given.operands[name] as Tensor;
    if (gradient === undefined) throw broken(given, `no gradient of ${name} was given`);
    if (gradient.dtype !== operand.dtype || gradient.shape.join() !== operand.shape.join()) {
      throw broken(
        given,
        `gradient of ${name}: got ${describeOperands({ it: gradient })}, expected ${describeOperands({ it: operand })}`,
      );
    }
    const allowance = allowanceFor(
      subject,
      given,
      'gradient',
      operand.dtype as FloatType,
      expected.rows.length,
    );
    const worst = compareAll(given, `gradient of ${name}`, gradient, {
      expected: expected.gradients[name] as Float64Array,
      scales: expected.scales.gradients[name] as Float64Array,
      allowance,
    });
    measured = worse(measured, { gradient: worst });
  }
  return measured;
}

/** Runs a case and holds it against the reference. */
export async function hold(subject: Subject, given: LossCase): Promise<Measured> {
  const { gradients } = subject;
  const wanted = given.gradients === undefined && gradients !== undefined ? { ...given, gradients } : given;
  return compare(subject, wanted, await runCase(subject.session, wanted));
}

function broken(given: LossCase, message: string, measured: Measured = {}): BrokenPromise {
  return new BrokenPromise(`${message}\n${describeCase(given)}`, measured);
}

/** What a result may be off by; where it is made of sums, the error of sums comes on top. */
export function allowanceFor(
  { accuracy }: Pick<Subject, 'accuracy'>,
  given: LossCase,
  what: 'value' | 'gradient',
  stored: FloatType,
  rows?: number,
): Allowance {
  const precision = precisionOf(given);
  const ulp = accuracyOf(accuracy, given.loss.kind)[what][precision];
  if (ulp === undefined) throw broken(given, `the backend declares no accuracy of a ${what} in ${precision}`);
  const unit = precision === 'float64' ? 2 ** -53 : 2 ** -24;
  const prediction = (given.operands['logits'] ?? given.operands['probabilities']) as Tensor;
  const size = prediction.data.length;
  // A row's own sums have few terms: no more than each term's rounding.
  const extent = rows === undefined || rows === 0 ? 1 : size / rows;
  const within = extent === 1 ? 0 : Math.min(accuracy.sum, extent * unit);
  // The sum of weights that gradients are divided by is added up in float64.
  const isWeighted =
    given.loss.options.reduction === 'mean-weight' && given.operands['weights'] !== undefined;
  const divisor = what === 'gradient' && isWeighted ? Math.min(accuracy.sum, size * 2 ** -53) : 0;
  const flushes = accuracy.subnormals === 'flushed';
  // A result that is flushed where it is stored.
  const lost = flushes
    ? Math.max(underflowOf(precision, true), leastNormal(stored))
    : underflowOf(precision, false);
  return { precision, ulp, stored, relative: within + divisor, underflow: lost };
}

interface Expected {
  readonly expected: Float64Array;
  readonly scales: Float64Array;
  readonly allowance: Allowance;
}

function compareAll(given: LossCase, what: string, got: Tensor, want: Expected): number {
  const { expected, scales, allowance } = want;
  if (got.data.length !== expected.length) {
    throw broken(given, `${what}: got ${got.data.length} elements, expected ${expected.length}`);
  }
  let worst = 0;
  let failed = -1;
  let failedUlp = -1;
  for (const [i, right] of expected.entries()) {
    // A formula says so where it does not know a derivative: see unknown in loss/derive.ts.
    if ((scales[i] as number) < 0) continue;
    const { ulp, isAllowed } = deviationOf(elementAt(got, i), right, scales[i] as number, allowance);
    if (ulp > worst) worst = ulp;
    if (!isAllowed && ulp > failedUlp) [failed, failedUlp] = [i, ulp];
  }
  if (failed < 0) return worst;
  const at = coordinatesOf(failed, got.shape);
  const scale = scales[failed] as number;
  const kind = what.startsWith('gradient') ? 'gradient' : 'value';
  throw broken(
    given,
    `${what} at [${at.join(', ')}]: got ${elementAt(got, failed)}, expected ${expected[failed]}: ` +
      `${show(failedUlp)} ulp (${allowance.precision}, largest term ${scale}), allowed ${allowance.ulp}`,
    { [kind]: failedUlp },
  );
}

const show = (ulp: number): string => (Number.isFinite(ulp) ? ulp.toPrecision(3) : 'infinitely many');

function compareValue(
  subject: Pick<Subject, 'accuracy'>,
  given: LossCase,
  got: CaseResult,
  expected: ReferenceResult,
): Measured {
  const { accuracy } = subject;
  const { rows, scales, rowShape, counts } = expected;
  const allowance = allowanceFor(subject, given, 'value', precisionOf(given), rows.length);
  if (Math.abs(got.divisor - counts.divisor) > accuracy.sum * Math.abs(counts.divisor)) {
    throw broken(given, `divisor: got ${got.divisor}, expected ${counts.divisor}`);
  }
  if (given.loss.options.validate === 'count' && got.invalid !== counts.invalid) {
    throw broken(given, `invalid targets: got ${got.invalid}, expected ${counts.invalid}`);
  }
  if (expected.value instanceof Float64Array) {
    if (typeof got.value === 'number') throw broken(given, `value: got a number, expected one for each row`);
    if (got.value.shape.join() !== rowShape.join() || got.value.dtype !== allowance.precision) {
      const shown = describeOperands({ it: got.value });
      throw broken(given, `value: got ${shown}, expected ${allowance.precision} [${rowShape.join(', ')}]`);
    }
    return {
      value: compareAll(given, 'value', got.value, { expected: rows, scales: scales.rows, allowance }),
    };
  }
  if (typeof got.value !== 'number') throw broken(given, 'value: got a tensor, expected a number');
  return {
    value: compareSum(given, got.value, expected, {
      ...allowance,
      relative: accuracy.sum + allowance.relative,
    }),
  };
}

/** A sum may be off by what its terms may, and by the declared error of sums. */
function compareSum(
  given: LossCase,
  got: number,
  { value, rows, scales, counts }: ReferenceResult,
  allowance: Allowance,
): number {
  const expected = value as number;
  if (Object.is(got, expected) || got === expected) return 0;
  let unit = 0;
  let mass = 0;
  let lost = 0;
  for (const [i, row] of rows.entries()) {
    const magnitude = Math.max(
      Math.abs(row),
      Number.isFinite(scales.rows[i]) ? (scales.rows[i] as number) : 0,
    );
    if (magnitude === 0) continue;
    unit += ulpOf(magnitude, allowance.precision);
    mass += magnitude;
    lost += allowance.underflow;
  }
  const divisor = Math.abs(counts.divisor);
  // The sum, the divisor where it is a sum itself, and the rounding of their quotient.
  const summing = (2 * allowance.relative * mass + lost) / divisor + 2 ** -52 * Math.abs(expected);
  const error = divisor === 0 ? Infinity : Math.abs(got - expected) - summing;
  const ulp = error <= 0 ? 0 : Number.isNaN(error) ? Infinity : error / (unit / divisor);
  if (ulp <= allowance.ulp) return ulp;
  throw broken(
    given,
    `value: got ${got}, expected ${expected}: ${show(ulp)} ulp of its ${rows.length} terms, allowed ${allowance.ulp}`,
    { value: ulp },
  );
}
