/** Errors against the float64 reference of core. */
import { tensor, type Tensor } from '@softxent/core';
import { referenceLoss, type Formula, type ReferenceResult } from '@softxent/core/reference';
import type { Accuracy, Ulp } from '../model.js';
import { inputsFor, patternOf, patternRows } from './inputs.js';
import { formulaOf } from './losses.js';
import { workloadOf, type Workload } from './workload.js';

/** Elements that errors are found on. */
const sampleSize = 20_000;

/**
 * Absolute error that underflow may cost: numbers below the smallest normal one may come out as 0, and one of them may have been
 * multiplied by a logit of 1e4 since. The conformance suite allows the same.
 */
const underflow = 2 ** 14 * 2 ** -126;

/** What a contestant computed for the confident inputs: losses of single rows, and the gradient of their sum. */
export interface Evaluated {
  readonly values: ArrayLike<number>;
  readonly gradient: ArrayLike<number>;
}

/** The workload of the same loss and layout on which errors are found. */
export function accuracyWorkload({ spec }: Workload): Workload {
  const elements = spec.layout === 'flat' ? sampleSize : Math.max(sampleSize, 8 * spec.classes);
  return workloadOf({ ...spec, elements });
}

/** The formula that errors are found by, or why there is none. */
export function referenceFor(workload: Workload): Formula | string {
  return formulaOf(workload.kind, workload.lossFor('none').options);
}

function need(workload: Workload): { readonly formula: Formula } {
  const formula = referenceFor(workload);
  if (typeof formula === 'string') throw new Error(formula);
  return { formula };
}

function operandsOf(workload: Workload, seed: number): Readonly<Record<string, Tensor>> {
  const { predictions, targets } = inputsFor(workload, seed, 'confident');
  const { shape } = workload.key;
  return { [workload.prediction]: tensor(predictions, shape), targets: tensor(targets, shape) };
}

/** One float32 ulp at this magnitude. */
export function ulp32(magnitude: number): number {
  const m = Math.abs(magnitude);
  let exponent = m < 2 ** -126 ? -126 : Math.floor(Math.log2(m));
  // log2 may be rounded up to the next whole number.
  if (2 ** exponent > m && exponent > -126) exponent--;
  return 2 ** (exponent - 23);
}

function worst(got: ArrayLike<number>, expected: Float64Array, scales: Float64Array): Ulp {
  if (got.length !== expected.length) return 'infinite';
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const [g, e] = [got[i]!, expected[i]!];
    if (Object.is(g, e) || g === e) continue;
    if (!Number.isFinite(g) || !Number.isFinite(e)) return 'infinite';
    const error = Math.max(0, Math.abs(g - e) - underflow);
    most = Math.max(most, error / ulp32(Math.max(Math.abs(e), scales[i]!)));
  }
  return most;
}

/** Finds errors; keeps the reference's results, which take far longer than a contestant's. */
export class Referee {
  readonly #seed: number;
  readonly #results = new Map<string, ReferenceResult>();
  readonly #sums = new Map<string, Float64Array>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Worst errors of what {@link accuracyWorkload} gave on this contestant. */
  judge(workload: Workload, got: Evaluated): Omit<Accuracy, 'meanError'> {
    const sample = accuracyWorkload(workload);
    const cacheKey = JSON.stringify(sample.spec);
    let result = this.#results.get(cacheKey);
    if (result === undefined) {
      const wanted = { gradients: [sample.prediction], ...need(workload) };
      result = referenceLoss(sample.lossFor('none'), operandsOf(sample, this.#seed), wanted);
      this.#results.set(cacheKey, result);
    }
    const { rows, gradients, scales } = result;
    const name = sample.prediction;
    return {
      valueUlp: worst(got.values, rows, scales.rows),
      gradientUlp: worst(got.gradient, gradients[name]!, scales.gradients[name]!),
      elements: sample.key.elements,
    };
  }

  /** Relative error of the mean of the timed call; null for losses over regions, whose sums do not follow from a pattern's. */
  meanError(workload: Workload, got: number): Accuracy['meanError'] {
    if (workload.granularity === 'region') return null;
    const expected = this.#mean(workload);
    const error = Math.abs(got - expected) / Math.abs(expected);
    return Number.isFinite(error) ? error : 'infinite';
  }

  #mean(workload: Workload): number {
    const period = patternRows(workload);
    const sums = this.#prefixSums(workload);
    const upTo = (rows: number): number => sums[rows] ?? NaN;
    const whole = Math.floor(workload.rows / period);
    return (whole * upTo(period) + upTo(workload.rows % period)) / workload.rows;
  }

  /** Element i: the sum of the losses of the pattern's first i rows. */
  #prefixSums(workload: Workload): Float64Array {
    const { spec, granularity, prediction, width } = workload;
    const layout = spec.layout === 'flat' ? 'flat' : 'channels-last';
    const cacheKey = JSON.stringify([spec.loss, layout, width]);
    const known = this.#sums.get(cacheKey);
    if (known !== undefined) return known;
    // The longest pattern of this width; that of a smaller tensor is its beginning.
    const all = { granularity, prediction, width, rows: Infinity };
    const pattern = patternOf(all, this.#seed, 'usual');
    const shape = layout === 'flat' ? [pattern.rows] : [pattern.rows, width];
    const loss = workloadOf({ ...spec, layout, elements: pattern.rows * width }).lossFor('none');
    const operands = {
      [prediction]: tensor(pattern.predictions, shape),
      targets: tensor(pattern.targets, shape),
    };
    const { rows } = referenceLoss(loss, operands, { gradients: [], ...need(workload) });
    const sums = new Float64Array(rows.length + 1);
    for (let i = 0; i < rows.length; i++) sums[i + 1] = sums[i]! + rows[i]!;
    this.#sums.set(cacheKey, sums);
    return sums;
  }
}
