/** Losses over single elements, from logits through the sigmoid. */
import * as b from '../program/build.js';
import type { NumberExpr } from '../program/expression.js';
import { divergenceTerm, sign } from '../program/functions.js';
import { defineLoss, numberOption, oneOf } from './define.js';
import type { ProgramContext } from './loss.js';

/** Options of {@link sigmoidCrossEntropy} beyond the common ones. */
export interface SigmoidCrossEntropyOptions {
  /** Weight w > 0 of the positive part; default 1. */
  readonly posWeight: number;
  /** a in [0, 1]: the target t becomes (1-a) t + a/2; default 0. */
  readonly labelSmoothing: number;
  /** `entropy` subtracts the least value that any prediction can reach, so that a perfect one gives 0; default `none`. */
  readonly floor: 'none' | 'entropy';
}

/** What the loss is made of: N the weight of "no" (1 - t), P that of "yes" (w t), both after smoothing. */
interface Parts {
  readonly x: NumberExpr;
  readonly no: NumberExpr;
  readonly yes: NumberExpr;
  /** N + P; the constant 1 without posWeight. */
  readonly total: NumberExpr;
  /** sigma(-|x|). */
  readonly tail: NumberExpr;
  /** log1p(exp(-|x|)). */
  readonly softplusTail: NumberExpr;
}

function partsOf(context: ProgramContext, posWeight: number, labelSmoothing: number): Parts {
  const x = context.prediction;
  const smooth = (t: NumberExpr): NumberExpr => b.add(b.mul(1 - labelSmoothing, t), labelSmoothing / 2);
  const no = smooth(context.complement);
  const yes = b.mul(posWeight, smooth(context.target));
  return {
    x,
    no,
    yes,
    total: posWeight === 1 ? b.constant(1) : b.add(no, yes),
    tail: b.logisticTail(x),
    softplusTail: b.softplusTail(x),
  };
}

/** N softplus(x) + P softplus(-x) = |x| m + (N + P) L with m the side that disagrees with x: no term is negative. */
function crossEntropyOf({ x, no, yes, total, softplusTail }: Parts): NumberExpr {
  const disagreement = b.select(b.le(0, x), no, yes);
  return b.add(b.mulOrZero(disagreement, b.abs(x)), b.mul(total, softplusTail));
}

/** (N + P) sigma(x) - P, without losing the digits of sigma near 1. */
function differenceOf({ x, no, yes, total, tail }: Parts): NumberExpr {
  const scaledTail = b.mul(total, tail);
  return b.select(b.le(0, x), b.sub(no, scaledTail), b.sub(scaledTail, yes));
}

/**
 * Cross-entropy of a soft binary target t with sigma(x), per element (Caffe SigmoidCrossEntropyLoss, PyTorch
 * binary_cross_entropy_with_logits, TensorFlow sigmoid_cross_entropy_with_logits):
 *
 *     loss  = -(1-t) log(1 - sigma(x)) - w t log sigma(x)
 *           = |x| m + L                  for w = 1, with m = 1-t if x >= 0 else t and L = log1p(exp(-|x|))
 *     d/dx  = sigma(x) - t               for w = 1
 *     d/dt  = -x                         for w = 1
 *
 * The second form is accurate to a few ulp for every x and t. x = +-Infinity takes the limit: 0 where the target agrees
 * exactly, Infinity otherwise. With `floor: 'entropy'` the value is the divergence from t to sigma(x) (for w = 1,
 * KL(t || sigma(x))), computed as a sum of non-negative terms; the gradient by the logits is the same.
 *
 * Operands: `logits` of any shape; `targets` of the same shape, float or uint8 (n/255); optional `weights`, `mask`,
 * broadcast to that shape. Values in nats.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const sigmoidCrossEntropy = defineLoss<SigmoidCrossEntropyOptions>({
  kind: 'sigmoidCrossEntropy',
  defaults: { posWeight: 1, labelSmoothing: 0, floor: 'none' },
  check(options) {
    const given = { ...options };
    numberOption('sigmoidCrossEntropy', given, 'posWeight', 'a number > 0', (w) => w > 0);
    numberOption(
      'sigmoidCrossEntropy',
      given,
      'labelSmoothing',
      'a number in [0, 1]',
      (a) => a >= 0 && a <= 1,
    );
    oneOf('sigmoidCrossEntropy', given, 'floor', ['none', 'entropy']);
  },
  program(context, { posWeight, labelSmoothing, floor }) {
    const parts = partsOf(context, posWeight, labelSmoothing);
    const { x, no, yes, total, tail, softplusTail } = parts;
    const difference = differenceOf(parts);
    const negLogYes = b.add(b.max(b.neg(x), 0), softplusTail);
    const negLogNo = b.add(b.max(x, 0), softplusTail);
    if (floor === 'none') {
      const byTarget = posWeight === 1 ? b.neg(x) : b.sub(b.mul(posWeight, negLogYes), negLogNo);
      return {
        reductions: [],
        value: crossEntropyOf(parts),
        gradients: { logits: difference, targets: b.mul(1 - labelSmoothing, byTarget) },
      };
    }
    const sigmoid = b.select(b.le(0, x), b.sub(1, tail), tail);
    const opposite = b.select(b.le(0, x), tail, b.sub(1, tail));
    const value = b.add(
      divergenceTerm({
        p: yes,
        predicted: b.mul(total, sigmoid),
        difference,
        negLogPredicted: negLogYes,
        total,
      }),
      divergenceTerm({
        p: no,
        predicted: b.mul(total, opposite),
        difference: b.neg(difference),
        negLogPredicted: negLogNo,
        total,
      }),
    );
    const byTarget = b.sub(
      b.mul(posWeight, b.add(negLogYes, b.log(b.div(yes, total)))),
      b.add(negLogNo, b.log(b.div(no, total))),
    );
    return {
      reductions: [],
      value,
      gradients: { logits: difference, targets: b.mul(1 - labelSmoothing, byTarget) },
    };
  },
});

/** Options of {@link qualityFocal} beyond the common ones. */
export interface QualityFocalOptions {
  /** Exponent: 0 (plain cross-entropy) or at least 1; default 2. */
  readonly beta: number;
}

/**
 * Quality focal loss (Li et al., "Generalized Focal Loss", 2020, equation 6), focal loss for soft targets, per element:
 *
 *     loss = |t - sigma(x)|^beta * CE(t, sigma(x)),   minimised at sigma(x) = t
 *
 * Operands as for {@link sigmoidCrossEntropy}. An exponent between 0 and 1 has an infinite gradient at sigma(x) = t and
 * is refused.
 *
 * @throws {OptionError} for an unknown option or one out of its range
 */
export const qualityFocal = defineLoss<QualityFocalOptions>({
  kind: 'qualityFocal',
  defaults: { beta: 2 },
  check(options) {
    numberOption('qualityFocal', { ...options }, 'beta', '0 or a number >= 1', (v) => v === 0 || v >= 1);
  },
  program(context, { beta }) {
    const parts = partsOf(context, 1, 0);
    const crossEntropy = crossEntropyOf(parts);
    const difference = differenceOf(parts);
    if (beta === 0) {
      return {
        reductions: [],
        value: crossEntropy,
        gradients: { logits: difference, targets: b.neg(parts.x) },
      };
    }
    const distance = b.abs(difference);
    const partial = b.pow(distance, beta - 1);
    // One factor at a time: |d|^beta may underflow where the cross-entropy is infinite, and 0 * Infinity would be NaN.
    const value = b.mul(distance, b.mul(partial, crossEntropy));
    const slope = b.mul(b.mul(beta, partial), sign(difference));
    // sigma'(x) = q (1 - q) reaches 0 before the cross-entropy reaches infinity: their product is 0 there.
    const weighted = b.mul(b.mulOrZero(parts.tail, crossEntropy), b.sub(1, parts.tail));
    return {
      reductions: [],
      value,
      gradients: {
        logits: b.add(b.mul(slope, weighted), b.mul(b.mul(partial, distance), difference)),
        targets: b.neg(b.add(b.mul(slope, crossEntropy), b.mul(partial, b.mulOrZero(distance, parts.x)))),
      },
    };
  },
});
