/** Derivatives of a formula that gives a row's value alone: by differences, with how far they can be trusted. */
import type { Options, Row, RowLoss, Scaled } from '@softxent/core/reference';

/** A row's value by its formula, in float64. */
export type ValueFormula = (row: Row, options: Options) => number;

/** What numbers of a formula without scales are held to: operands that differ by this, relative to max(1, |x|). */
export const backwardError = 2 ** -18;

/**
 * A derivative that differences do not give (at infinities, where a curve is vertical): anything is accepted. A negative
 * scale says so; it stays negative when weights and reductions are applied to it.
 */
const unknown: Scaled = { value: NaN, scale: -1 };

/** Precision in which derivatives by differences are held in float64: 2^-26 of their scale. */
export const derivativeError = 2 ** -26;

/** One number of a row that may be moved. */
interface Variable {
  readonly of: 'x' | 't';
  readonly index: number;
}

/** A row with one number moved; a target takes its complement along. */
function moved(row: Row, { of, index }: Variable, by: number): Row {
  if (of === 'x') return { ...row, x: row.x.with(index, (row.x[index] as number) + by) };
  return {
    ...row,
    t: row.t.with(index, (row.t[index] as number) + by),
    notT: row.notT.with(index, (row.notT[index] as number) - by),
  };
}

/** What a number of a row is disturbed by a fraction of: its magnitude, or its distance from 0 and 1. */
function marginOf(row: Row, { of, index }: Variable, isProbability: boolean): number {
  const value = row[of][index] as number;
  return of === 'x' && !isProbability ? Math.max(1, Math.abs(value)) : Math.min(value, 1 - value);
}

/** A row as it would be with operands that are a little off; targets and probabilities stay in [0, 1]. */
function disturbed(row: Row, sample: number, isProbability: boolean): Row {
  const sign = (i: number, bit: number): number =>
    ((sample >> bit) + i * (1 + sample + bit)) % 2 === 0 ? 1 : -1;
  const x = row.x.map(
    (value, index) =>
      value + sign(index, 0) * backwardError * marginOf(row, { of: 'x', index }, isProbability),
  );
  if (row.labels) return { ...row, x };
  const t = row.t.map((value, i) => Math.min(Math.max(value + sign(i, 1) * backwardError, 0), 1));
  return { ...row, x, t, notT: t.map((value) => 1 - value) };
}

const samples = [0, 1, 2, 3] as const;

/** How far the numbers of disturbed rows are from that of the row itself, at most. */
function spread(here: number, there: readonly number[]): number {
  const distances = there.map((value) => Math.abs(value - here)).filter(Number.isFinite);
  return Math.max(0, ...distances);
}

interface Estimate {
  readonly value: number;
  readonly error: number;
}

const none: Estimate = { value: NaN, error: Infinity };

/** The derivative to one side: difference quotients over halved steps, extrapolated (Richardson; Ridders 1982). */
function oneSided(f: (by: number) => number, at: number, first: number): Estimate {
  let best = none;
  let above: readonly number[] = [];
  for (let i = 0, step = first; i < 9; i++, step /= 2) {
    const row = [(f(step) - at) / step];
    // Rounding of the two values that were subtracted.
    const noise = (2 ** -50 * Math.abs(at)) / Math.abs(step);
    for (let j = 1; j <= i; j++) {
      const [before, left] = [above[j - 1] as number, row[j - 1] as number];
      const next = left + (left - before) / (2 ** j - 1);
      row.push(next);
      const error = Math.max(Math.abs(next - left), Math.abs(next - before)) + noise;
      if (error < best.error) best = { value: next, error };
    }
    above = row;
  }
  return best;
}

/** First steps to try: some formulas are only smooth, or only defined, near a number that is close to 0 or 1. */
function stepsOf(row: Row, variable: Variable, isProbability: boolean): readonly number[] {
  // Losses of logits bend within a few units of each other, however large the logits are.
  if (variable.of === 'x' && !isProbability) return [1 / 16];
  const margin = marginOf(row, variable, isProbability);
  return margin > 2 ** -40 && margin < 1 / 8 ? [1 / 16, margin / 2] : [1 / 16];
}

/** The derivative at a row: between both sides where the curve has a kink. */
function derivative(f: (by: number) => number, at: number, steps: readonly number[]): Estimate {
  const side = (sign: number): Estimate =>
    steps.map((step) => oneSided(f, at, sign * step)).reduce((a, b) => (b.error < a.error ? b : a));
  const [left, right] = [side(-1), side(1)];
  const [best, other] = left.error < right.error ? [left, right] : [right, left];
  const distance = Math.abs(left.value - right.value);
  if (distance > 8 * (left.error + right.error) + 2 ** -30 * Math.abs(best.value)) {
    return { value: (left.value + right.value) / 2, error: distance + 8 * (left.error + right.error) };
  }
  // Where a curve is steep without bound, extrapolation thinks better of itself than both sides of each other.
  const disagreement = other.error < 2 ** 6 * best.error ? distance : 0;
  return { value: best.value, error: 32 * best.error + disagreement };
}

/** A rough derivative, of which only changes are used: its own error is in both sides of their difference. */
function slope(formula: (row: Row) => number, row: Row, variable: Variable, step: number): number {
  return (formula(moved(row, variable, step)) - formula(moved(row, variable, -step))) / (2 * step);
}

/**
 * A formula with values, derivatives and scales, from one that gives values. A scale is chosen such that an error of
 * {@link backwardError} of it is what the formula gives for operands that far off, and a little for what is computed as 0.
 */
export function withDerivatives(
  formula: ValueFormula,
  predictionOf: (options: Options) => 'logits' | 'probabilities',
): (row: Row, options: Options) => RowLoss {
  const known = new Map<string, RowLoss>();
  const differentiated = derivativesOf(formula, predictionOf);
  return (row, options) => {
    // Cases differ in weights, masks and reductions; their rows come again and again.
    const { reduction: _, validate: _2, ignoreValue: _3, ...own } = options;
    const key = `${JSON.stringify(own)};${row.labels};${row.x.join()};${row.t.join()};${row.notT.join()}`;
    const result = known.get(key) ?? differentiated(row, options);
    known.set(key, result);
    return result;
  };
}

function derivativesOf(
  formula: ValueFormula,
  predictionOf: (options: Options) => 'logits' | 'probabilities',
): (row: Row, options: Options) => RowLoss {
  return (row, options) => {
    const of = (other: Row): number => formula(other, options);
    const isProbability = predictionOf(options) === 'probabilities';
    const value = of(row);
    const others = samples.map((sample) => disturbed(row, sample, isProbability));
    const differentiate = (variable: Variable): Scaled => {
      if (!Number.isFinite(value) || !Number.isFinite(row[variable.of][variable.index])) return unknown;
      const steps = stepsOf(row, variable, isProbability);
      const { value: found, error } = derivative((by) => of(moved(row, variable, by)), value, steps);
      if (!(error <= 2 ** -10 * Math.max(1, Math.abs(found)))) return unknown;
      const step = (steps.at(-1) as number) / 64;
      const here = slope(of, row, variable, step);
      const there = others.map((other) => slope(of, other, variable, step));
      const scale = Math.abs(found) + spread(here, there) / backwardError + error / derivativeError;
      return { value: found, scale: scale + backwardError };
    };
    return {
      value,
      scale: Math.abs(value) + spread(value, others.map(of)) / backwardError + backwardError,
      byPrediction: row.x.map((_, index) => differentiate({ of: 'x', index })),
      byTarget: row.t.map((_, index) => (row.labels ? unknown : differentiate({ of: 't', index }))),
    };
  };
}
