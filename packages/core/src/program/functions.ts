/** Functions put together from the operations in the way that keeps their digits. */
import * as b from './build.js';
import type { NumberExpr } from './expression.js';

/** sigma(x) = 1 / (1 + exp(-x)). */
export function sigmoid(x: NumberExpr): NumberExpr {
  const tail = b.logisticTail(x);
  return b.select(b.le(0, x), b.sub(1, tail), tail);
}

/** log(1 + exp(x)) = -log(1 - sigma(x)). */
export function softplus(x: NumberExpr): NumberExpr {
  return b.add(b.max(x, 0), b.softplusTail(x));
}

/** -1, 0 or 1. */
export function sign(x: NumberExpr): NumberExpr {
  return b.select(b.lt(0, x), 1, b.select(b.lt(x, 0), -1, 0));
}

// atanh(s) / s = 1 + z/3 + z^2/5 + ...: with z <= 0.04 eleven terms reach 2e-17.
const terms = 11;

/**
 * r - log(1 + r), which is >= 0, for |r| <= 1/3 without cancellation: with s = r / (2 + r),
 * log(1 + r) = 2 atanh(s) and r - 2 s = r s, so the result is s (r - 2 z (1/3 + z/5 + ...)), z = s^2.
 */
function excessOverLog1p(r: NumberExpr): NumberExpr {
  const s = b.div(r, b.add(2, r));
  const z = b.mul(s, s);
  let series: NumberExpr = b.constant(1 / (2 * terms + 1));
  for (let k = terms - 1; k >= 1; k--) series = b.add(b.mul(series, z), 1 / (2 * k + 1));
  return b.mul(s, b.sub(r, b.mul(2, b.mul(z, series))));
}

/** The pieces of one term of a divergence; see {@link divergenceTerm}. */
export interface DivergenceTerm {
  /** The target's part p >= 0. */
  readonly p: NumberExpr;
  /** The prediction's part q' = total * q. */
  readonly predicted: NumberExpr;
  /** q' - p, computed so that its digits are right where the two nearly agree. */
  readonly difference: NumberExpr;
  /** -log q, from the logits. */
  readonly negLogPredicted: NumberExpr;
  /** What the target's parts add up to. */
  readonly total: NumberExpr;
}

/**
 * p log(p / q') - p + q' >= 0: one term of a Kullback-Leibler divergence in the form whose terms are all non-negative,
 * so that their sum keeps its digits as the prediction comes near the target (where p log(p/q) alone cancels between
 * classes). Near agreement it is p (r - log(1 + r)) with r = (q' - p) / p; elsewhere the formula as it stands, with
 * log q from the logits so that it does not underflow.
 */
export function divergenceTerm(term: DivergenceTerm): NumberExpr {
  const { p, predicted, difference, negLogPredicted, total } = term;
  const near = b.mul(p, excessOverLog1p(b.div(difference, p)));
  const far = b.add(b.mul(p, b.add(b.log(b.div(p, total)), negLogPredicted)), difference);
  const isNear = b.lt(b.mul(3, b.abs(difference)), p);
  return b.select(b.eq(p, 0), predicted, b.select(isNear, near, far));
}
