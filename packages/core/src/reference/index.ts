/**
 * The losses in float64, written straight from the formulas: what backends are held against. It shares no code with the
 * programs that they run.
 */
export { rowSumTolerance, type InvalidTarget, type ReferenceCounts } from './counts.js';
export { type Formula, type Options, type Row, type RowLoss, type Scaled } from './formula.js';
export { formulas, referenceLoss, type ReferenceOptions, type ReferenceResult } from './reference.js';
