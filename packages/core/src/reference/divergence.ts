/** One term of a Kullback-Leibler divergence. */
import { largest } from './numbers.js';
import type { Scaled } from './formula.js';

/** r - log(1 + r), for r >= -1: its Taylor series near 0, where the difference would cancel. */
export function excess(r: number): number {
  if (Math.abs(r) > 0.25) return r - Math.log1p(r);
  let series = 0;
  // r^2/2 - r^3/3 + ...; 0.25^26 / 26 is below 2^-52 of the first term.
  for (let k = 30; k >= 2; k--) series = 1 / k - r * series;
  return r * r * series;
}

/**
 * p log(p / q') - p + q' >= 0 with q' the prediction's part of the same total. Summed over a distribution this is
 * sum p log(p/q'), since both add up to the total; 0 log 0 = 0.
 *
 * @param difference q' - p, with its scale
 * @param negLog -log of the predicted probability
 */
export function divergence(
  p: number,
  predicted: number,
  difference: Scaled,
  negLog: number,
  total: number,
): Scaled {
  if (p === 0) return { value: predicted, scale: largest(predicted, difference.scale) };
  const r = difference.value / p;
  if (Math.abs(r) <= 0.25) {
    const value = p * excess(r);
    // Where the difference cancels, narrower arithmetic sees not less than some rounding of its scale.
    const reach = largest(r, (difference.scale / p) * 2 ** -16);
    return { value, scale: largest(value, reach * difference.scale) };
  }
  const entropy = p * Math.log(p / total);
  const cross = p * negLog;
  return { value: cross + entropy + difference.value, scale: largest(entropy, cross, difference.scale) };
}
