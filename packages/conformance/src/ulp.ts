/** Errors in units in the last place. */

/** Precisions in which results are promised or stored. */
export type Precision = 'float16' | 'float32' | 'float64';

const digits = { float16: 10, float32: 23, float64: 52 } as const;
const leastExponent = { float16: -14, float32: -126, float64: -1022 } as const;

/** The smallest normal number. */
export function leastNormal(precision: Precision): number {
  return 2 ** leastExponent[precision];
}

/**
 * What underflow costs: numbers below the smallest normal one are rounded to multiples of the smallest of all, or to 0
 * where they are flushed, and an intermediate one may be multiplied by a number as large as a logit (1e4) afterwards.
 */
export function underflowOf(precision: Precision, flushes: boolean): number {
  return 2 ** 14 * (flushes ? leastNormal(precision) : ulpOf(0, precision));
}

/** One unit in the last place of a number of this magnitude: the distance to the next one further from 0. */
export function ulpOf(magnitude: number, precision: Precision): number {
  const m = Math.abs(magnitude);
  if (!Number.isFinite(m)) return NaN;
  let exponent = m === 0 ? leastExponent[precision] : Math.floor(Math.log2(m));
  // log2 may be rounded up to the next whole number.
  if (2 ** exponent > m) exponent--;
  return 2 ** (Math.max(exponent, leastExponent[precision]) - digits[precision]);
}

/** A number with an error that is known to matter. */
export interface Deviation {
  /** |got - expected| in ulp of the scale, less what storing the result costs; Infinity where one is special. */
  readonly ulp: number;
  readonly isAllowed: boolean;
}

/** What may separate a result from the reference. */
export interface Allowance {
  /** Precision in which the arithmetic is promised. */
  readonly precision: Precision;
  /** How many ulp of the scale. */
  readonly ulp: number;
  /** Precision in which the result is stored; narrower ones cost half an ulp of theirs. */
  readonly stored: Precision;
  /** Further error relative to the scale: that of sums. */
  readonly relative: number;
  /** Absolute error: what underflow of an intermediate number may amount to in the result. */
  readonly underflow: number;
}

/** How far a result is from the reference, and whether it may be. `scale`: the largest term that makes it up. */
export function deviationOf(got: number, expected: number, scale: number, allowance: Allowance): Deviation {
  if (Object.is(got, expected) || got === expected) return { ulp: 0, isAllowed: true };
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return { ulp: Infinity, isAllowed: false };
  const { precision, stored, relative, underflow } = allowance;
  const magnitude = Math.max(Number.isFinite(scale) ? scale : 0, Math.abs(expected));
  const unit = ulpOf(magnitude, precision);
  const isNarrow = digits[stored] < digits[precision];
  const storing = (isNarrow ? ulpOf(expected, stored) / 2 : 0) + underflow + relative * magnitude;
  const error = Math.max(0, Math.abs(got - expected) - storing);
  const ulp = error / unit;
  return { ulp, isAllowed: ulp <= allowance.ulp };
}
