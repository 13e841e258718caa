/**
 * The arithmetic of the cross-entropy losses: values and gradients per row, without masks, normalisation and weights.
 * Forms without cancellation, accurate to a few ulp at any logit.
 */

import type { LayerGraph, Value } from '../graph.js';

/** Loss per element (or row), and the gradient per logit. */
export interface RowLoss {
  readonly loss: Value;
  readonly gradient: () => Value;
}

/**
 * Sigmoid cross-entropy of each logit x with its target t: |x| m + log1p(e), e = exp(-|x|), m = 1 - t where x >= 0,
 * else t; no term is negative, so nothing cancels. An infinite logit costs 0 where the target agrees exactly.
 */
export function sigmoidRows(g: LayerGraph, x: Value, t: Value): RowLoss {
  const size = g.abs(x);
  const up = g.greaterEqual(x, 0);
  const disagreement = g.where(up, g.sub(1, t), t);
  const linear = g.where(g.equal(disagreement, 0), 0, g.mul(size, disagreement));
  return {
    loss: g.add(linear, g.log1pExp(x)),
    gradient() {
      // sigma(x) - t, written so that the digits of 1 - sigma(x) are kept.
      const e = g.exp(g.neg(size));
      const q = g.div(e, g.add(e, 1));
      return g.where(up, g.sub(g.sub(1, t), q), g.sub(q, t));
    },
  };
}

/** log S - (x_c - M) and the pieces that the gradient needs; x is [outer, classes, inner]. */
interface Shifted {
  readonly shifted: Value;
  readonly logSum: Value;
  readonly probabilities: Value;
}

/** x - max, the logarithm of the sum of its exponentials, and the softmax, along axis 1. */
export function shiftedLogits(g: LayerGraph, x: Value): Shifted {
  const { shifted, exps, sum } = g.exponentials(x, 1);
  return { shifted, logSum: g.log(sum), probabilities: g.div(exps, sum) };
}

/** Softmax cross-entropy with class labels: log S - (x_label - M), and p - [c = label]. `hit` marks the label's class. */
export function labelRows(g: LayerGraph, { shifted, logSum, probabilities }: Shifted, hit: Value): RowLoss {
  const chosen = g.reduceSum(g.where(hit, shifted, 0), [1], true);
  return {
    loss: g.sub(logSum, chosen),
    gradient: () => g.sub(probabilities, g.indicator(hit)),
  };
}

/**
 * Softmax cross-entropy with a distribution t per row: sum t (M - x) + T log S, T = sum t, which is not assumed to be 1;
 * gradient T p - t.
 */
export function distributionRows(
  g: LayerGraph,
  { shifted, logSum, probabilities }: Shifted,
  t: Value,
): RowLoss {
  const total = g.reduceSum(t, [1], true);
  const terms = g.where(g.equal(t, 0), 0, g.mul(t, g.neg(shifted)));
  return {
    loss: g.add(g.reduceSum(terms, [1], true), g.mul(total, logSum)),
    gradient: () => g.sub(g.mul(total, probabilities), t),
  };
}
