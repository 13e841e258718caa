/** What backends are given: `@softxent/core/plan`. */
export { broadcast, indexOf, type Access, type AccessTerm } from './access.js';
export type { Layout, Shapes } from './layout.js';
export type { OperandPlan } from './operands.js';
export { makePlan, planKey } from './plan.js';
export type { BoundPlan, Divisor, OutputPlan, Plan, TotalPlan, Wanted } from './types.js';
export { rowSumTolerance } from './validity.js';
export { sumOf } from '../sum.js';
