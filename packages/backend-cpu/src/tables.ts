/**
 * Tables for the exponentials of float32 results: a cubic on each interval of 1/128, which is far more exact than
 * float32 and costs neither an exponential, a logarithm nor a division. Built when a kernel first needs them.
 */

/** Intervals per unit. */
export const steps = 128;

/** Both tables cover [0, limit); e^-104 is below half the smallest float32. */
export const limit = 104;

/**
 * Coefficients c0 .. c3 of log1p(exp(-a)) on each interval, in h = steps * a - k - 1/2: the cubic through the four
 * Chebyshev points. Its error, 1.2e-12 relative, swings about 0, so that it does not add up in sums. The derivative
 * gives sigma(-a) to 5e-9 relative, a tenth of a float32 ulp.
 */
export function softplusTailTable(): Float64Array {
  return memoised('softplusTail', () => fit((a) => Math.log1p(Math.exp(-a))));
}

/** exp(-k / steps), for exp(-a) by a fourth-order step from the nearest k. */
export function expTable(): Float64Array {
  return memoised('exp', () =>
    Float64Array.from({ length: steps * limit + 1 }, (_, k) => Math.exp(-k / steps)),
  );
}

const made = new Map<string, Float64Array>();

function memoised(name: string, make: () => Float64Array): Float64Array {
  let table = made.get(name);
  if (table === undefined) {
    table = make();
    made.set(name, table);
  }
  return table;
}

function fit(f: (a: number) => number): Float64Array {
  const table = new Float64Array(steps * limit * 4);
  const points = [1, 3, 5, 7].map((odd) => Math.cos((odd * Math.PI) / 8) / 2);
  for (let k = 0; k < steps * limit; k++) {
    const values = points.map((h) => f((k + 0.5 + h) / steps));
    table.set(cubicThrough(points, values), 4 * k);
  }
  return table;
}

/** Coefficients, by ascending power, of the polynomial through four points (Newton's divided differences). */
function cubicThrough(x: readonly number[], y: readonly number[]): number[] {
  const d = [...y];
  for (let order = 1; order < 4; order++) {
    for (let i = 3; i >= order; i--) d[i] = (at(d, i) - at(d, i - 1)) / (at(x, i) - at(x, i - order));
  }
  let coefficients = [at(d, 3)];
  for (let i = 2; i >= 0; i--) {
    // coefficients * (h - x_i) + d_i
    const shifted = [0, ...coefficients];
    coefficients = shifted.map((c, power) => c - at(x, i) * (coefficients[power] ?? 0));
    coefficients[0] = at(coefficients, 0) + at(d, i);
  }
  return coefficients;
}

function at(values: readonly number[], i: number): number {
  return values[i] as number;
}
