/** What takes part: a backend of softxent, or something that people use in its place. */
import { SoftxentError } from '@softxent/core';
import type { Evaluated } from '../measure/accuracy.js';
import type { Workload } from '../measure/workload.js';
import type { ContestantKey } from '../model.js';

/** Takes part, as a value; nothing is loaded before it is opened. */
export interface Contestant {
  readonly key: ContestantKey;
  /** About how many bytes it needs for each element, operands included: to keep a run within the memory there is. */
  readonly bytesPerElement: number;
  /**
   * Loads and starts it.
   *
   * @throws BackendUnavailableError, or whatever its library throws, where it cannot run here
   */
  open(): Promise<Opened>;
}

/** Ready to compute. */
export interface Opened {
  /** What runs, in its own words. */
  readonly description: string;
  /** Compiles a workload (reduction `mean`) and fills its inputs, of the kind `usual`. */
  prepare(workload: Workload, seed: number): Promise<Prepared>;
  /** Losses of single rows and the gradient of their sum, for the inputs of the kind `confident`. */
  evaluate(workload: Workload, seed: number): Promise<Evaluated>;
  dispose(): Promise<void>;
}

/** A workload ready to be timed. */
export interface Prepared {
  /** Computes value and gradient once. The value is on the host and the gradient where the contestant keeps it when it is done. */
  run(): number | Promise<number>;
  dispose(): void | Promise<void>;
}

/** A contestant has no form of this workload. */
export class NotComparableError extends SoftxentError {
  constructor(message: string) {
    super('NOT_COMPARABLE', message);
  }
}

/** For contestants that are compared on the two losses that every library has. */
export function cannot(who: string, { key, granularity, kind }: Workload): NotComparableError {
  const isPlain = kind === 'sigmoidCrossEntropy' || kind === 'softmaxCrossEntropy';
  const what = isPlain
    ? `${key.loss} with options`
    : `${granularity === 'region' ? 'the region loss ' : ''}${key.loss}`;
  return new NotComparableError(
    `${who} is compared on sigmoidCrossEntropy and softmaxCrossEntropy without options; there is no form of ${what}`,
  );
}

/** `sigmoid` or `softmax` without options: what peers are compared on. */
export function plainLoss(who: string, workload: Workload): 'sigmoid' | 'softmax' {
  const isPlain = Object.keys(workload.options).length === 0;
  if (isPlain && workload.kind === 'sigmoidCrossEntropy') return 'sigmoid';
  if (isPlain && workload.kind === 'softmaxCrossEntropy') return 'softmax';
  throw cannot(who, workload);
}
