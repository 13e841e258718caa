/** Whether the machine was quiet enough for the numbers to mean something. */
import type { Limit, Noise, Row } from '../model.js';
import { median, relativeSpread } from './statistics.js';

// Between quartiles, on an idle machine: 1 to 5 %.
const noisySpread = 0.1;
// Something else is computing.
const noisyLoad = 0.3;

const percent = (part: number): string => `${Math.round(100 * part)} %`;

/** Judges a run by how far its samples lie apart, and by what else the machine was doing before it. */
export function noiseOf(rows: readonly Row[], limits: readonly Limit[], loadBefore: number | null): Noise {
  const spreads = [...rows, ...limits].flatMap((each) =>
    'nsPerElement' in each ? [relativeSpread(each.nsPerElement)] : [],
  );
  const spread = spreads.length === 0 ? 0 : median(spreads);
  const reasons: string[] = [];
  if (spread > noisySpread) reasons.push(`half of the samples lie ${percent(spread)} of the median apart`);
  if (loadBefore !== null && loadBefore > noisyLoad) {
    reasons.push(`${loadBefore.toFixed(2)} processes a core were running before it began`);
  }
  const warning =
    reasons.length === 0
      ? null
      : `the machine was noisy: ${reasons.join('; ')}. Trust ratios within the spread only`;
  return { spread, loadBefore, warning };
}
