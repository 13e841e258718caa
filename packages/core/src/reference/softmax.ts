/** Cross-entropy along a class axis from logits, from its formula. */
import { divergence } from './divergence.js';
import {
  nanRow,
  number,
  times,
  type Formula,
  type Options,
  type Row,
  type RowLoss,
  type Scaled,
} from './formula.js';
import { largest, Sum, sum, timesOrZero } from './numbers.js';

/** Axis of the class losses: as given, else 1, else 0 for a single row. */
export function classAxis(options: Options, rank: number): readonly number[] {
  return [number(options, 'axis', rank < 2 ? 0 : 1)];
}

interface Prediction {
  /** exp(x_c - M), with 1 for every class at the maximum. */
  readonly e: readonly number[];
  readonly top: readonly boolean[];
  /** M - x_c. */
  readonly distance: readonly number[];
  /** S - 1, without the rounding of S. */
  readonly others: number;
  /** How far the rounding of each class's exponent can move it, relative to a unit of rounding. */
  readonly exponentScale: readonly number[];
}

function predict(x: readonly number[], tau: number): Prediction {
  const most = Math.max(...x);
  const top = x.map((value) => value === most);
  const distance = x.map((value, c) => (top[c] ? 0 : (most - value) / tau));
  const e = distance.map((d) => Math.exp(-d));
  const ties = top.filter(Boolean).length;
  const others = sum([ties - 1, ...e.filter((_, c) => !top[c])]);
  // With a temperature, x/tau may be rounded before the maximum is subtracted.
  const exponentScale = x.map((value, c) =>
    tau === 1 || !Number.isFinite(distance[c]!)
      ? largest(1, Number.isFinite(distance[c]!) ? distance[c]! : 1)
      : largest(1, Number.isFinite(value) ? value / tau : 1, Number.isFinite(most) ? most / tau : 1),
  );
  return { e, top, distance, others, exponentScale };
}

function softmaxRow(row: Row, options: Options): RowLoss {
  const extent = row.x.length;
  if (row.x.some(Number.isNaN)) return nanRow(extent);
  const a = number(options, 'labelSmoothing', 0);
  const tau = number(options, 'temperature', 1);
  const weights = options['classWeights'] as readonly number[] | undefined;
  const weight = (c: number): number => weights?.[c] ?? 1;
  const exact = row.labels && a === 0;
  const t = row.t.map((value, c) => weight(c) * ((1 - a) * value + a / extent));

  const totals = new Sum();
  for (const value of t) totals.add(value);
  const total = totals.value;
  const { e, top, distance, others, exponentScale } = predict(row.x, tau);
  const sumOfExponentials = 1 + others;
  const logSum = Math.log1p(others);

  // What the rounding of the exponents amounts to in log S, and relative to S.
  const tail = sum(e.map((v, c) => (top[c] ? 0 : v * exponentScale[c]!))) / sumOfExponentials;
  const logScale = (c: number): number =>
    largest(distance[c]!, logSum, tail, tau === 1 ? 0 : exponentScale[c]!);

  const largestTarget = largest(...t, total);
  const differences = t.map((value, c): Scaled => {
    const share = total * (e[c]! / sumOfExponentials);
    if (!top[c]) {
      return { value: share - value, scale: largest(share * exponentScale[c]!, value) };
    }
    // What the other classes have, kept apart from the rounding of T.
    const rest = totals.high - value + totals.low;
    const lost = total * (others / sumOfExponentials);
    return { value: rest - lost, scale: largest(exact ? rest : largestTarget, lost, total * tail) };
  });
  const negLog = distance.map((d) => logSum + d);
  const byPrediction = differences.map((d) => times(1 / tau, d));

  if (options['floor'] !== 'entropy') {
    const terms = t.map((value, c) => timesOrZero(value, distance[c]!));
    const conditioning = t.map((value, c) => (tau === 1 ? 0 : timesOrZero(value, exponentScale[c]!)));
    return {
      value: sum([...terms, timesOrZero(total, logSum)]),
      scale: largest(...terms, ...conditioning, timesOrZero(total, logSum), total * tail),
      byPrediction,
      byTarget: negLog.map((value, c) => times(weight(c) * (1 - a), { value, scale: logScale(c) })),
    };
  }
  const parts = t.map((value, c) => {
    const predicted = total * (e[c]! / sumOfExponentials);
    const part = divergence(value, predicted, differences[c]!, negLog[c]!, total);
    return { value: part.value, scale: largest(part.scale, tau === 1 ? 0 : value * exponentScale[c]!) };
  });
  return {
    value: sum(parts.map((part) => part.value)),
    scale: largest(...parts.map((part) => part.scale)),
    byPrediction,
    byTarget: negLog.map((value, c) => {
      const entropy = Math.log(t[c]! / total);
      const scale = largest(logScale(c), entropy);
      return times(weight(c) * (1 - a), { value: value + entropy, scale });
    }),
  };
}

/**
 * sum_c t_c (M - x_c) + T log S with t_c = w_c ((1-a) t_c + a/K) and x/tau; with the floor, T KL(t/T || softmax(x)).
 */
export const softmaxCrossEntropy: Formula = {
  granularity: 'class',
  prediction: () => 'logits',
  axes: classAxis,
  distributions: true,
  row: softmaxRow,
};
