import { LabelRangeError } from './errors.js';
import type { Batch, BatchSource, BatchTensor } from './source.js';

function coordinates(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (const dim of shape.toReversed()) {
    result.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return result;
}

/** What may stand in a blob of soft labels. */
export interface ProbabilityOptions {
  /** The tops that hold soft labels. */
  readonly tops: readonly string[];
  /** A value that marks pixels to ignore, allowed besides [0, 1]. */
  readonly ignore?: number;
}

/**
 * Checks that every value is a probability.
 * @throws LabelRangeError with the first value that is NaN or outside [0, 1], where it stands, and how many there are.
 */
export function checkProbabilities(top: string, { shape, data }: BatchTensor, ignore?: number): void {
  let count = 0;
  let first = -1;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if ((value >= 0 && value <= 1) || value === ignore) continue;
    if (count === 0) first = i;
    count++;
  }
  if (count > 0) throw new LabelRangeError(top, coordinates(first, shape), data[first]!, count);
}

/**
 * A source whose soft labels are checked in every batch.
 * @throws LabelRangeError from `next`.
 */
export function checkedLabels(source: BatchSource, { tops, ignore }: ProbabilityOptions): BatchSource {
  const next = async (): Promise<Batch> => {
    const batch = await source.next();
    for (const top of tops) {
      const tensor = batch.get(top);
      if (tensor) checkProbabilities(top, tensor, ignore);
    }
    return batch;
  };
  return {
    tops: source.tops,
    get length() {
      return source.length;
    },
    next,
    skip: (batches) => source.skip(batches),
    close: () => source.close(),
  };
}
