/** What a list of samples amounts to. */
import type { Spread } from '../model.js';

/** The value below which a fraction of the sorted samples lies, between neighbours in proportion. */
export function quantile(sorted: readonly number[], fraction: number): number {
  const at = fraction * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(samples: readonly number[]): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    0.5,
  );
}

/** Median, quartiles and minimum of at least one sample. */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    min: sorted[0] ?? NaN,
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    samples: sorted.length,
  };
}

/** (q3 - q1) / median: how far samples lie apart, whatever their unit. */
export function relativeSpread({ q1, q3, median: middle }: Spread): number {
  return middle > 0 ? (q3 - q1) / middle : 0;
}
