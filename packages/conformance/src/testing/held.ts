/** A loss that is what its formula says, and one that is not. For the tests of the suite alone. */
import { defineLoss } from '@softxent/core';
import { add, mul, sigmoid, sub } from '@softxent/core/program';
import type { HeldLoss } from '../loss/subject.js';

const brier = (kind: string, offset: number): HeldLoss => ({
  loss: defineLoss({
    kind,
    program: ({ prediction, target }) => {
      const difference = sub(sigmoid(prediction), target);
      return { reductions: [], value: add(mul(difference, difference), offset) };
    },
  }),
  formula: ({ x: [x = NaN], t: [t = NaN] }) => (1 / (1 + Math.exp(-x)) - t) ** 2,
});

export const right = brier('acme/right', 0);
export const wrong = brier('acme/wrong', 1e-3);
