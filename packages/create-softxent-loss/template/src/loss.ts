/** The loss as arithmetic: it runs on every backend, with masks, weights, ignored targets and every reduction. */
import { defineLoss, numberOption } from '@softxent/core';
import { abs, le, logisticTail, mul, pow, select, sub } from '@softxent/core/program';

/** The loss's own options. */
export interface LossOptions {
  /** At least 1; default 2, which is the Brier score. */
  readonly exponent: number;
}

/**
 * |sigma(x) - t|^exponent for a logit x and a soft label t.
 *
 * @throws {OptionError} for an exponent below 1
 */
export const loss = defineLoss<LossOptions>({
  kind: 'softxent-loss-template',
  defaults: { exponent: 2 },
  check: (options) =>
    numberOption(
      'softxent-loss-template',
      { ...options },
      'exponent',
      'a number >= 1',
      (value) => value >= 1,
    ),
  program: ({ prediction: x, target, complement }, { exponent }) => {
    // sigma(x) - t, without losing the digits of sigma near 1: q = sigma(-|x|).
    const q = logisticTail(x);
    const difference = select(le(0, x), sub(complement, q), sub(q, target));
    const distance = abs(difference);
    const sign = select(le(0, difference), 1, -1);
    const slope = mul(q, sub(1, q));
    return {
      reductions: [],
      value: pow(distance, exponent),
      // Where none is given, a gradient is derived. This one keeps its digits; the one by the targets is derived.
      gradients: { logits: mul(mul(exponent, pow(distance, exponent - 1)), mul(sign, slope)) },
    };
  },
});
