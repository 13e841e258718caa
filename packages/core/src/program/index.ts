/** The language of losses: `@softxent/core/program`. For authors of losses and of backends. */
export * from './build.js';
export { Canonical } from './canonical.js';
export {
  completeGradients,
  deriveGradient,
  differentiate,
  type Derived,
  type Variable,
} from './differentiate.js';
export * from './expression.js';
export { foldBinary, foldCompare, foldUnary } from './fold.js';
export { divergenceTerm, sigmoid, sign, softplus, type DivergenceTerm } from './functions.js';
export type { Gradients, Program, Reduction } from './program.js';
export * from './schedule.js';
