/**
 * Numbers to compute with. A pattern of rows is drawn from the seed and repeated over the tensor: so inputs of any size are made at the
 * speed of memory, and the exact mean over all of them follows from the reference of one pattern.
 */
import { normal, uniforms } from './random.js';
import type { Workload } from './workload.js';

/** Numbers in a pattern: too many for a branch predictor to learn, few enough for the reference. */
const patternSize = 2 ** 15;

/** Rows of a workload, with their classes side by side. */
export interface Pattern {
  readonly rows: number;
  readonly width: number;
  readonly predictions: Float32Array;
  readonly targets: Float32Array;
}

/**
 * `usual`: what a network gives in training, and soft labels. `confident`: |x| from 1e-3 to 1e4, with a quarter of the targets nearly
 * agreeing, where forms that cancel lose their digits.
 */
export type InputKind = 'usual' | 'confident';

/** Number of rows after which inputs of this workload repeat. */
export function patternRows({ rows, width }: Pick<Workload, 'rows' | 'width'>): number {
  return Math.min(rows, Math.max(1, Math.floor(patternSize / width)));
}

/** The rows that are repeated. A smaller tensor has the first rows of a larger one's. */
export function patternOf(
  workload: Pick<Workload, 'granularity' | 'prediction' | 'rows' | 'width'>,
  seed: number,
  kind: InputKind,
): Pattern {
  const { granularity, prediction, width } = workload;
  const rows = patternRows(workload);
  const pattern: Pattern = {
    rows,
    width,
    predictions: new Float32Array(rows * width),
    targets: new Float32Array(rows * width),
  };
  const uniform = uniforms(seed, `${granularity} ${prediction} ${kind}`);
  const isDistribution = granularity === 'class';
  for (let row = 0; row < rows; row++) {
    const from = row * width;
    const predictions = pattern.predictions.subarray(from, from + width);
    const targets = pattern.targets.subarray(from, from + width);
    if (isDistribution) drawRow(predictions, targets, kind, uniform);
    else drawElements(predictions, targets, kind, uniform);
    if (prediction === 'probabilities') toProbabilities(predictions, isDistribution);
  }
  return pattern;
}

/** 10^low to 10^high, every decade as often as the others. */
const magnitude = (uniform: () => number, low: number, high: number): number =>
  10 ** (low + (high - low) * uniform());

/** Nearly 0: 2^-1 to 2^-24. */
const nearlyNone = (uniform: () => number): number => 2 ** -(1 + 23 * uniform());

function drawElements(
  predictions: Float32Array,
  targets: Float32Array,
  kind: InputKind,
  uniform: () => number,
): void {
  for (let i = 0; i < predictions.length; i++) {
    const x = kind === 'usual' ? 4 * normal(uniform) : Math.sign(uniform() - 0.5) * magnitude(uniform, -3, 4);
    predictions[i] = x;
    const hardness = uniform();
    if (kind === 'usual') {
      targets[i] = hardness < 1 / 3 ? Math.round(uniform()) : uniform();
    } else if (hardness < 1 / 4) {
      const rest = nearlyNone(uniform);
      targets[i] = x > 0 ? 1 - rest : rest;
    } else {
      targets[i] = uniform();
    }
  }
}

function drawRow(
  predictions: Float32Array,
  targets: Float32Array,
  kind: InputKind,
  uniform: () => number,
): void {
  const width = predictions.length;
  const scale = kind === 'usual' ? 4 : magnitude(uniform, -2, 3.5);
  let top = 0;
  for (let c = 0; c < width; c++) {
    predictions[c] = scale * normal(uniform);
    if (predictions[c]! > predictions[top]!) top = c;
  }
  const agrees = kind === 'confident' && uniform() < 1 / 4;
  if (agrees && width > 1) {
    const rest = nearlyNone(uniform);
    targets.fill(rest / (width - 1));
    targets[top] = 1 - rest;
    return;
  }
  let sum = 0;
  const shares = Array.from({ length: width }, () => {
    const share = Math.exp(2 * normal(uniform));
    sum += share;
    return share;
  });
  for (let c = 0; c < width; c++) targets[c] = shares[c]! / sum;
}

/** Logits in place to probabilities that are neither 0 nor 1: those have infinite losses, which say nothing of digits. */
function toProbabilities(row: Float32Array, isDistribution: boolean): void {
  const clamp = (p: number): number => Math.min(Math.max(p, 1e-30), 1 - 2 ** -24);
  if (!isDistribution) {
    for (let i = 0; i < row.length; i++) row[i] = clamp(1 / (1 + Math.exp(-row[i]!)));
    return;
  }
  const top = row.reduce((most, x) => Math.max(most, x), -Infinity);
  const sum = row.reduce((total, x) => total + Math.exp(x - top), 0);
  for (let i = 0; i < row.length; i++) row[i] = clamp(Math.exp(row[i]! - top) / sum);
}

/** Lays the pattern's rows out over a whole tensor. */
export function fill(
  workload: Pick<Workload, 'rows' | 'width' | 'spec'>,
  pattern: Pattern,
  values: Float32Array,
  into: Float32Array,
): void {
  const { rows, width, spec } = workload;
  if (spec.layout !== 'nchw') {
    repeat(values.subarray(0, pattern.rows * width), into.subarray(0, rows * width));
    return;
  }
  const plane = new Float32Array(pattern.rows);
  for (let c = 0; c < width; c++) {
    for (let row = 0; row < pattern.rows; row++) plane[row] = values[row * width + c]!;
    repeat(plane, into.subarray(c * rows, (c + 1) * rows));
  }
}

/** Copies in doubling pieces. */
function repeat(pattern: Float32Array, into: Float32Array): void {
  into.set(pattern.subarray(0, Math.min(pattern.length, into.length)));
  for (let done = pattern.length; done < into.length; done *= 2) {
    into.copyWithin(done, 0, Math.min(done, into.length - done));
  }
}

/** Host arrays for a workload. */
export interface Inputs {
  readonly predictions: Float32Array;
  readonly targets: Float32Array;
}

/** Inputs of a workload, in arrays of their own or in the given ones. */
export function inputsFor(workload: Workload, seed: number, kind: InputKind, into?: Inputs): Inputs {
  const { elements } = workload.key;
  const made = into ?? { predictions: new Float32Array(elements), targets: new Float32Array(elements) };
  const pattern = patternOf(workload, seed, kind);
  fill(workload, pattern, pattern.predictions, made.predictions);
  fill(workload, pattern, pattern.targets, made.targets);
  return made;
}
