export { CaffeDivergedError, CaffeSolverError } from './errors.js';
export type { RateOptions } from './rate.js';
export { learningRate, ratePolicies, stepAt } from './rate.js';
export type { Iteration, SolverProgress } from './solver.js';
export { Solver } from './solver.js';
export type { Rule, UpdateArrays, UpdateNumbers } from './update.js';
export { ruleOf, rules } from './update.js';
