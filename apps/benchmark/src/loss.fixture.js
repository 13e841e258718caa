// A loss of a user's with its formula: the Brier score of a logit and a soft label.
import { defineLoss } from '@softxent/core';
import { le, logisticTail, mul, select, sub } from '@softxent/core/program';

const loss = defineLoss({
  kind: 'fixture/brier',
  program: ({ prediction: x, target, complement }) => {
    const q = logisticTail(x);
    const difference = select(le(0, x), sub(complement, q), sub(q, target));
    return {
      reductions: [],
      value: mul(difference, difference),
      gradients: { logits: mul(mul(2, difference), mul(q, sub(1, q))) },
    };
  },
});

export const held = {
  loss,
  formula({ x: [x], t: [t], notT: [notT] }) {
    const q = 1 / (1 + Math.exp(Math.abs(x)));
    const difference = x >= 0 ? notT - q : q - t;
    const slope = 2 * q * (1 - q);
    const size = Math.max(q, x >= 0 ? notT : t);
    const by = (value, scale) => [{ value, scale }];
    return {
      value: difference ** 2,
      scale: size ** 2,
      byPrediction: by(difference * slope, size * slope),
      byTarget: by(-2 * difference, 2 * size),
    };
  },
};
