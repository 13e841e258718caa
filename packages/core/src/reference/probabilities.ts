/** Cross-entropies of probabilities, from their formulas. */
import { number, type Formula, type Options, type Row, type RowLoss, type Scaled } from './formula.js';
import { largest, sum, timesOrZero } from './numbers.js';
import { classAxis } from './softmax.js';

interface Clamped {
  readonly value: number;
  readonly low: boolean;
  readonly high: boolean;
}

/** Into [epsilon, 1 - epsilon]; NaN stays NaN. */
function clamp(c: number, epsilon: number): Clamped {
  if (epsilon === 0) return { value: c, low: false, high: false };
  if (c < epsilon) return { value: epsilon, low: true, high: false };
  if (c > 1 - epsilon) return { value: 1 - epsilon, low: false, high: true };
  return { value: c, low: false, high: false };
}

const zero: Scaled = { value: 0, scale: 0 };

function binaryRow(row: Row, options: Options): RowLoss {
  const [t, notT] = [row.t[0]!, row.notT[0]!];
  const epsilon = number(options, 'epsilon', 0);
  const { value: c, low, high } = clamp(row.x[0]!, epsilon);
  if (c < 0 || c > 1) {
    const nan: Scaled = { value: NaN, scale: NaN };
    return { ...nan, byPrediction: [nan], byTarget: [nan] };
  }
  // 1 - epsilon is rounded where arithmetic is narrower: log(epsilon) then has the digits that epsilon keeps.
  const conditioning = high ? c / epsilon : 0;
  const negLogNo = -(high ? Math.log(epsilon) : Math.log1p(-c));
  const negLogYes = -(high ? Math.log1p(-epsilon) : Math.log(c));
  const [no, yes] = [timesOrZero(notT, negLogNo), timesOrZero(t, negLogYes)];
  let gradient: Scaled;
  if (low || high) gradient = zero;
  else if (t === 0) gradient = { value: 1 / (1 - c), scale: 1 / (1 - c) };
  else if (notT === 0) gradient = { value: -1 / c, scale: 1 / c };
  else gradient = { value: (c - t) / (c * (1 - c)), scale: largest(c, t) / (c * (1 - c)) };
  return {
    value: no + yes,
    scale: largest(no, yes, notT * conditioning),
    byPrediction: [gradient],
    byTarget: [{ value: negLogYes - negLogNo, scale: largest(negLogYes, negLogNo, conditioning) }],
  };
}

/** -(1-t) log(1-c) - t log c, 0 log 0 = 0. */
export const binaryCrossEntropy: Formula = {
  granularity: 'element',
  prediction: () => 'probabilities',
  axes: () => [],
  distributions: false,
  row: binaryRow,
};

function categoricalRow(row: Row, options: Options): RowLoss {
  const epsilon = number(options, 'epsilon', 0);
  const clamped = row.x.map((q) => clamp(q, epsilon));
  const negLog = clamped.map(({ value, high }): Scaled => {
    const result = -(high ? Math.log1p(-epsilon) : Math.log(value));
    return { value: result, scale: largest(result, high ? 1 : 0) };
  });
  const terms = row.t.map((t, c) => timesOrZero(t, negLog[c]!.value));
  return {
    value: sum(terms),
    scale: largest(...terms, ...row.t.map((t, c) => timesOrZero(t, negLog[c]!.scale))),
    byPrediction: row.t.map((t, c) => {
      const { value: q, low, high } = clamped[c]!;
      return low || high || t === 0 ? zero : { value: -t / q, scale: Math.abs(t / q) };
    }),
    byTarget: negLog,
  };
}

/** -sum_c t_c log q_c, 0 log 0 = 0. */
export const categoricalCrossEntropy: Formula = {
  granularity: 'class',
  prediction: () => 'probabilities',
  axes: classAxis,
  distributions: true,
  row: categoricalRow,
};
