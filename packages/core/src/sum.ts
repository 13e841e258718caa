/**
 * The compensated sum (Neumaier 1974) of numbers in their order: its error does not grow with their count. Backends
 * add block totals with it, so that the same blocks give the same bits for any number of threads.
 */
export function sumOf(values: ArrayLike<number>, start = 0, end = values.length, step = 1): number {
  let sum = 0;
  let compensation = 0;
  for (let i = start; i < end; i += step) {
    const value = values[i] as number;
    const next = sum + value;
    compensation += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  const total = sum + compensation;
  // An infinity makes the compensation NaN; the plain sum is right then.
  return Number.isNaN(total) ? sum : total;
}
