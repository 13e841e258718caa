/**
 * Holds any softxent backend against the float64 reference, and a loss of one's own to its formula. Runs in Node, in any test runner and in a browser.
 */
export type { Extremes } from './cases/family.js';
export { BrokenPromise, Unsupported, type Check, type Measured, type Subject } from './check.js';
export { lossConformanceTests, runLossConformance } from './loss/run.js';
export { extremesFor, type HeldLoss } from './loss/subject.js';
export { formatReport, reportToJson } from './report.js';
export {
  runConformance,
  selectChecks,
  type CheckResult,
  type ConformanceOptions,
  type ConformanceReport,
  type Status,
} from './run.js';
export { conformanceTests, type ConformanceTestOptions, type TestRunner } from './tests.js';
