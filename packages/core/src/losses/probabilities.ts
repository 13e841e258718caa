/** Cross-entropies from probabilities, for networks that end in a sigmoid or softmax of their own. */
import * as b from '../program/build.js';
import type { NumberExpr, TruthExpr } from '../program/expression.js';
import { axisOption, defineLoss, numberOption, softTargets } from './define.js';

/** Options of {@link binaryCrossEntropy} beyond the common ones. */
export interface BinaryCrossEntropyOptions {
  /** The probability is clamped to [epsilon, 1 - epsilon], where its gradient is 0; default 0: no clamp. */
  readonly epsilon: number;
}

/** Options of {@link categoricalCrossEntropy} beyond the common ones. */
export interface CategoricalCrossEntropyOptions extends BinaryCrossEntropyOptions {
  /** The class axis; negative counts from the end. Default 1 (NCHW), or 0 for a single row. */
  readonly axis: number;
}

const checkEpsilon = (kind: string, options: object): void =>
  numberOption(kind, { ...options }, 'epsilon', 'a number in [0, 0.5)', (e) => e >= 0 && e < 0.5);

function clamp(c: NumberExpr, epsilon: number): { clamped: NumberExpr; inside: TruthExpr } {
  if (epsilon === 0) return { clamped: c, inside: b.truth(true) };
  const [low, high] = [epsilon, 1 - epsilon];
  // NaN is not outside, so that its gradient stays NaN.
  const outside = b.or(b.lt(c, low), b.lt(high, c));
  return { clamped: b.min(b.max(c, low), high), inside: b.not(outside) };
}

/**
 * Cross-entropy of a soft binary target t with a probability c, per element:
 *
 *     loss  = -(1-t) log1p(-c) - t log c            with 0 log 0 = 0
 *     d/dc  = (c - t) / (c (1 - c))                 1/(1-c) for t = 0, -1/c for t = 1
 *     d/dt  = log1p(-c) - log c
 *
 * A probability that has been rounded to 0 or 1 gives Infinity where the target disagrees; `epsilon` bounds it. Where
 * logits are at hand, {@link sigmoidCrossEntropy} keeps digits that c has lost already.
 *
 * Operands: `probabilities` of any shape; `targets` of the same shape, float or uint8 (n/255); optional `weights`,
 * `mask`, broadcast to that shape. A probability outside [0, 1] gives NaN unless it is clamped.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const binaryCrossEntropy = defineLoss<BinaryCrossEntropyOptions, 'probabilities'>({
  kind: 'binaryCrossEntropy',
  prediction: 'probabilities',
  defaults: { epsilon: 0 },
  check: (options) => checkEpsilon('binaryCrossEntropy', options),
  program({ prediction, target, complement }, { epsilon }) {
    const { clamped: c, inside } = clamp(prediction, epsilon);
    const negLogNo = b.neg(b.log1p(b.neg(c)));
    const negLogYes = b.neg(b.log(c));
    const opposite = b.sub(1, c);
    const gradient = b.select(
      b.eq(target, 0),
      b.div(1, opposite),
      b.select(b.eq(complement, 0), b.div(-1, c), b.div(b.sub(c, target), b.mul(c, opposite))),
    );
    // A hard target drops the one logarithm that would tell that c is no probability.
    const isProbability = epsilon === 0 ? b.and(b.le(0, c), b.le(c, 1)) : b.truth(true);
    const orNaN = (e: NumberExpr): NumberExpr => b.select(isProbability, e, NaN);
    return {
      reductions: [],
      value: orNaN(b.add(b.mulOrZero(complement, negLogNo), b.mulOrZero(target, negLogYes))),
      gradients: {
        probabilities: orNaN(b.select(inside, gradient, 0)),
        targets: orNaN(b.sub(negLogYes, negLogNo)),
      },
    };
  },
});

/**
 * Cross-entropy of a target distribution with a predicted distribution q along one axis, one value a row:
 *
 *     loss    = -sum_c t_c log q_c                   with 0 log 0 = 0
 *     d/dq_c  = -t_c / q_c                           0 where t_c = 0
 *     d/dt_c  = -log q_c
 *
 * q is not normalised. Operands: `probabilities`; `targets` and optional `weights`, `mask` as for
 * {@link softmaxCrossEntropy}.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const categoricalCrossEntropy = defineLoss<Partial<CategoricalCrossEntropyOptions>, 'probabilities'>({
  kind: 'categoricalCrossEntropy',
  granularity: 'class',
  prediction: 'probabilities',
  targets: [...softTargets, 'int32'],
  distributions: true,
  defaults: { axis: undefined, epsilon: 0 },
  axes: ({ axis }, rank) => [axis ?? (rank < 2 ? 0 : 1)],
  check(options) {
    axisOption('categoricalCrossEntropy', { ...options }, 'axis');
    checkEpsilon('categoricalCrossEntropy', options);
  },
  program({ prediction, target, labels, labelInRange }, { epsilon = 0 }) {
    const { clamped: q, inside } = clamp(prediction, epsilon);
    const negLog = b.neg(b.log(q));
    const orNaN = (e: NumberExpr): NumberExpr => (labels ? b.select(labelInRange, e, NaN) : e);
    const gradient = b.select(b.eq(target, 0), 0, b.neg(b.div(target, q)));
    return {
      reductions: [{ name: 'distance', op: 'sum', of: b.mulOrZero(target, negLog) }],
      value: orNaN(b.reduction('distance')),
      gradients: { probabilities: orNaN(b.select(inside, gradient, 0)), targets: negLog },
    };
  },
});
