/**
 * Holds any softxent backend against the float64 reference. Runs in Node, in any test runner and in a browser.
 */
export { BrokenPromise, Unsupported, type Check, type Measured, type Subject } from './check.js';
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
