/** Losses over single elements through the sigmoid, from their formulas. */
import { divergence } from './divergence.js';
import { number, times, type Formula, type Options, type Row, type RowLoss, type Scaled } from './formula.js';
import { largest, timesOrZero } from './numbers.js';

/** sigma(x) and 1 - sigma(x), each with all its digits. */
export function sigmoids(x: number): { sigma: number; opposite: number } {
  const e = Math.exp(-Math.abs(x));
  const near = 1 / (1 + e);
  const far = e / (1 + e);
  return x >= 0 ? { sigma: near, opposite: far } : { sigma: far, opposite: near };
}

/** log(1 + exp(x)). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** total sigma(x) - yes for total = no + yes, as the difference of the two smaller numbers. */
export function differenceAt(x: number, no: number, yes: number, total: number): Scaled {
  const { sigma, opposite } = sigmoids(x);
  if (x >= 0) return { value: no - total * opposite, scale: largest(no, total * opposite) };
  return { value: total * sigma - yes, scale: largest(total * sigma, yes) };
}

/** no softplus(x) + yes softplus(-x) = |x| m + total log1p(exp(-|x|)). */
function crossEntropy(x: number, no: number, yes: number, total: number): Scaled {
  const distance = timesOrZero(x >= 0 ? no : yes, Math.abs(x));
  const curve = total * Math.log1p(Math.exp(-Math.abs(x)));
  return { value: distance + curve, scale: largest(distance, curve) };
}

function sigmoidCrossEntropyRow(row: Row, options: Options): RowLoss {
  const [x, t, notT] = [row.x[0]!, row.t[0]!, row.notT[0]!];
  const w = number(options, 'posWeight', 1);
  const a = number(options, 'labelSmoothing', 0);
  const no = (1 - a) * notT + a / 2;
  const yes = w * ((1 - a) * t + a / 2);
  const total = w === 1 ? 1 : no + yes;
  const difference = differenceAt(x, no, yes, total);
  const [negLogYes, negLogNo] = [softplus(-x), softplus(x)];
  if (options['floor'] !== 'entropy') {
    const byTarget: Scaled =
      w === 1
        ? { value: -x, scale: Math.abs(x) }
        : { value: w * negLogYes - negLogNo, scale: largest(w * negLogYes, negLogNo) };
    return {
      ...crossEntropy(x, no, yes, total),
      byPrediction: [difference],
      byTarget: [times(1 - a, byTarget)],
    };
  }
  const { sigma, opposite } = sigmoids(x);
  const yesPart = divergence(yes, total * sigma, difference, negLogYes, total);
  const noPart = divergence(no, total * opposite, times(-1, difference), negLogNo, total);
  const logs = [w * negLogYes, w * Math.log(yes / total), -negLogNo, -Math.log(no / total)] as const;
  return {
    value: yesPart.value + noPart.value,
    scale: largest(yesPart.scale, noPart.scale),
    byPrediction: [difference],
    byTarget: [times(1 - a, { value: logs[0] + logs[1] + (logs[2] + logs[3]), scale: largest(...logs) })],
  };
}

/**
 * N softplus(x) + P softplus(-x) with N = (1-a)(1-t) + a/2 and P = w ((1-a) t + a/2); with the floor, less its minimum
 * -N log(N/(N+P)) - P log(P/(N+P)), as a divergence.
 */
export const sigmoidCrossEntropy: Formula = {
  granularity: 'element',
  prediction: () => 'logits',
  axes: () => [],
  distributions: false,
  row: sigmoidCrossEntropyRow,
};

function qualityFocalRow(row: Row, options: Options): RowLoss {
  const [x, t, notT] = [row.x[0]!, row.t[0]!, row.notT[0]!];
  const beta = number(options, 'beta', 2);
  const ce = crossEntropy(x, notT, t, 1);
  const difference = differenceAt(x, notT, t, 1);
  const byTarget: Scaled = { value: -x, scale: Math.abs(x) };
  if (beta === 0) return { ...ce, byPrediction: [difference], byTarget: [byTarget] };
  const distance = Math.abs(difference.value);
  // Where the difference cancels, narrower arithmetic sees not less than some rounding of its scale.
  const reach = Math.max(distance, difference.scale * 2 ** -16);
  // A power that is not whole goes through a logarithm.
  const logarithm = Number.isInteger(beta) || distance === 0 ? 1 : largest(1, beta * Math.log(distance));
  const powerScale = (b: number): number =>
    reach === 0 ? 0 : largest(logarithm * reach ** b, b * reach ** (b - 1) * difference.scale);
  const modulation = distance ** beta;
  const slope = beta * distance ** (beta - 1) * Math.sign(difference.value);
  const { sigma, opposite } = sigmoids(x);
  const curve = timesOrZero(sigma * opposite, ce.value);
  const slopeScale = beta * powerScale(beta - 1);
  return {
    value: timesOrZero(modulation, ce.value),
    scale: timesOrZero(powerScale(beta), ce.value),
    byPrediction: [
      {
        value: timesOrZero(slope, curve) + modulation * difference.value,
        scale: largest(timesOrZero(slopeScale, curve), powerScale(beta + 1)),
      },
    ],
    byTarget: [
      {
        value: -(timesOrZero(slope, ce.value) + timesOrZero(modulation, x)),
        scale: largest(timesOrZero(slopeScale, ce.value), timesOrZero(powerScale(beta), x)),
      },
    ],
  };
}

/** |t - sigma(x)|^beta CE(t, sigma(x)). */
export const qualityFocal: Formula = {
  granularity: 'element',
  prediction: () => 'logits',
  axes: () => [],
  distributions: false,
  row: qualityFocalRow,
};
