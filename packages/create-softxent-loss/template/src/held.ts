/** The loss once more, as its formula in float64: what the tests hold it to. */
import type { HeldLoss } from '@softxent/conformance';
import { loss, type LossOptions } from './loss.js';

const sigma = (x: number): number => 1 / (1 + Math.exp(-x));

export const held: HeldLoss<LossOptions> = {
  loss,
  // A number is held to about five digits; return derivatives and scales as well, to hold the loss to ulp.
  formula: ({ x: [x = NaN], t: [t = NaN] }, { exponent }) => Math.abs(sigma(x) - t) ** exponent,
  // Every set of options is held.
  options: [{}, { exponent: 3 }, { exponent: 1.5 }],
};
