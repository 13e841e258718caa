/** Cross-entropy along a class axis, from logits. */
import * as b from '../program/build.js';
import type { NumberExpr } from '../program/expression.js';
import { divergenceTerm } from '../program/functions.js';
import type { Reduction } from '../program/program.js';
import { OptionError } from '../errors.js';
import { axisOption, defineLoss, numberOption, oneOf, show, softTargets } from './define.js';
import type { ProgramContext } from './loss.js';

/** Options of {@link softmaxCrossEntropy} beyond the common ones. */
export interface SoftmaxCrossEntropyOptions {
  /** The class axis; negative counts from the end. Default 1 (NCHW), or 0 for a single row. */
  readonly axis: number;
  /** A weight >= 0 for each class: t_c becomes w_c t_c. */
  readonly classWeights: readonly number[];
  /** a in [0, 1]: t_c becomes (1-a) t_c + a/K, before class weights; default 0. */
  readonly labelSmoothing: number;
  /** tau > 0: the logits x become x / tau (the loss is not rescaled by tau^2); default 1. */
  readonly temperature: number;
  /** `entropy` subtracts the least value that any prediction can reach, so that a perfect one gives 0; default `none`. */
  readonly floor: 'none' | 'entropy';
}

const kind = 'softmaxCrossEntropy';

/** One class's part of the target as the loss uses it, and what it says of the row's total T. */
function targetsOf(
  context: ProgramContext,
  { classWeights, labelSmoothing }: Partial<SoftmaxCrossEntropyOptions>,
): {
  target: NumberExpr;
  rest: NumberExpr;
  total: NumberExpr;
  byTarget: NumberExpr;
  reductions: Reduction[];
} {
  const a = labelSmoothing ?? 0;
  const weight = classWeights === undefined ? b.constant(1) : context.constant('classWeights');
  const target = b.mul(weight, b.add(b.mul(1 - a, context.target), b.div(b.constant(a), b.extent)));
  const byTarget = b.mul(weight, 1 - a);
  if (context.labels && classWeights === undefined) {
    const total = b.select(context.labelInRange, 1, NaN);
    const rest = a === 0 ? context.complement : b.sub(1, target);
    return { target, rest: b.select(context.labelInRange, rest, NaN), total, byTarget, reductions: [] };
  }
  const summed = b.reduction('total');
  const total = context.labels ? b.select(context.labelInRange, summed, NaN) : summed;
  return {
    target,
    rest: b.sub(total, target),
    total,
    byTarget,
    reductions: [{ name: 'total', op: 'sum', of: target }],
  };
}

/**
 * Cross-entropy of a target distribution with the softmax of the logits along one axis (Caffe SoftmaxWithLoss, PyTorch
 * cross_entropy, TensorFlow softmax_cross_entropy_with_logits), one value a row. With M = max x, S = sum exp(x_c - M)
 * and T = sum t_c, which is not assumed to be 1:
 *
 *     loss    = sum_c t_c (M - x_c) + T log S        a sum of non-negative terms
 *     d/dx_c  = T exp(x_c - M) / S - t_c
 *     d/dt_c  = M + log S - x_c
 *
 * The largest class is kept out of S: log S = log1p(R) with R the sum over the others, and its gradient is
 * (T - t_c) - T R / S. So neither loses digits when the prediction is confident. A class at +Infinity takes the whole
 * probability, classes tied at an infinite maximum share it, -Infinity has none. NaN in a row makes the row NaN.
 *
 * With `floor: 'entropy'` the value is T KL(t/T || softmax(x)), as a sum of non-negative terms (for T = 1, the
 * cross-entropy less the entropy of the targets after smoothing and weighting); the gradient by the logits is the same.
 *
 * Operands: `logits`; `targets` float or uint8 (n/255) of the same shape, or int32 class labels of the shape without the
 * class axis (or with length 1 there); a label outside [0, K) makes the row NaN unless it is ignored. Optional `weights`
 * and `mask` broadcast to the shape without the class axis. Values in nats.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const softmaxCrossEntropy = defineLoss<Partial<SoftmaxCrossEntropyOptions>>({
  kind,
  granularity: 'class',
  targets: [...softTargets, 'int32'],
  distributions: true,
  defaults: { axis: undefined, classWeights: undefined, labelSmoothing: 0, temperature: 1, floor: 'none' },
  axes: ({ axis }, rank) => [axis ?? (rank < 2 ? 0 : 1)],
  check(options) {
    const given: Record<string, unknown> = { ...options };
    axisOption(kind, given, 'axis');
    numberOption(kind, given, 'labelSmoothing', 'a number in [0, 1]', (a) => a >= 0 && a <= 1);
    numberOption(kind, given, 'temperature', 'a number > 0', (tau) => tau > 0);
    oneOf(kind, given, 'floor', ['none', 'entropy']);
    const weights: unknown = given['classWeights'];
    const isWeight = (w: unknown): boolean => typeof w === 'number' && Number.isFinite(w) && w >= 0;
    if (weights !== undefined && !(Array.isArray(weights) && weights.length > 0 && weights.every(isWeight))) {
      throw new OptionError({
        subject: `${kind} option classWeights`,
        found: show(weights),
        expected: 'a list of finite numbers >= 0, one a class',
      });
    }
  },
  constants: ({ classWeights }) => (classWeights === undefined ? {} : { classWeights }),
  program(context, options) {
    const { temperature = 1, labelSmoothing = 0, floor = 'none' } = options;
    const { target, rest, total, byTarget, reductions: totals } = targetsOf(context, options);
    const x = b.div(context.prediction, temperature);
    const top = b.reduction('max');
    const isTop = b.eq(x, top);
    // x - max is 0 at the maximum even where both are infinite.
    const below = b.select(isTop, 0, b.sub(x, top));
    const e = b.exp(b.sub(x, top));
    const others = b.add(b.sub(b.reduction('ties'), 1), b.reduction('others'));
    const sum = b.add(1, others);
    const logSum = b.log1p(others);
    const gradient = b.select(
      isTop,
      b.sub(rest, b.mul(total, b.div(others, sum))),
      b.sub(b.mul(e, b.div(total, sum)), target),
    );
    const negLog = b.sub(logSum, below);
    const common: Reduction[] = [
      { name: 'max', op: 'max', of: x },
      { name: 'ties', op: 'sum', of: b.select(isTop, 1, 0) },
      { name: 'others', op: 'sum', of: b.select(isTop, 0, e) },
      ...totals,
    ];
    const logits = b.div(gradient, temperature);
    if (floor === 'none' || (context.labels && labelSmoothing === 0)) {
      const floored = floor === 'entropy' && context.labels;
      return {
        reductions: [...common, { name: 'distance', op: 'sum', of: b.mulOrZero(target, b.neg(below)) }],
        value: b.add(b.reduction('distance'), b.mul(total, logSum)),
        // Labels have no derivative; `floored` only says that their entropy is 0 already.
        gradients: floored ? { logits } : { logits, targets: b.mul(byTarget, negLog) },
      };
    }
    const term = divergenceTerm({
      p: target,
      predicted: b.mul(b.select(isTop, 1, e), b.div(total, sum)),
      difference: gradient,
      negLogPredicted: negLog,
      total,
    });
    return {
      reductions: [...common, { name: 'divergence', op: 'sum', of: term }],
      value: b.reduction('divergence'),
      gradients: { logits, targets: b.mul(byTarget, b.add(negLog, b.log(b.div(target, total)))) },
    };
  },
});
