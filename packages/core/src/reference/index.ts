/**
 * The losses in float64, written straight from the formulas: what backends are held against. It shares no code with the
 * programs that they run.
 */
export { type Formula, type Options, type Row, type RowLoss, type Scaled } from './formula.js';
export {
  formulas,
  referenceLoss,
  rowSumTolerance,
  type InvalidTarget,
  type ReferenceCounts,
  type ReferenceOptions,
  type ReferenceResult,
} from './reference.js';
