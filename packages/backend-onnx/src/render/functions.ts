/**
 * Elementary functions put together from + - * / and comparisons, for providers whose own are far off. Measured on ONNX Runtime's WebGPU
 * provider over SwiftShader: Exp 64 ulp off at -87 and infinite for NaN; Log 400,000 ulp off just below 1, -88 for 0 and 0 for -1.
 * Real GPUs do better, but their standard promises no more. Every operation is a kernel of its own there, so nothing is contracted or
 * reassociated between them.
 */

import type { GraphBuilder, Value } from '../graph/index.js';

/** Whether x is NaN, by comparisons that are both false: compilers for GPUs fold `x != x`. */
export function isNaNByComparison(g: GraphBuilder, x: Value): Value {
  return g.and(g.not(g.less(x, 0)), g.not(g.greaterOrEqual(x, 0)));
}

// ln 2 in two parts, the first with 16 bits so that its product with a whole number up to 127 is exact.
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = Math.LN2 - LN2_HIGH;
// Taylor coefficients of (e^r - 1 - r) / r^2: on |r| <= ln 2 the rest of e^r is below 2^-23 of it.
const EXP_SERIES = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320];
const LOWEST = -126;
const HIGHEST = 127;

/**
 * e^x in float32: x = n ln 2 + r with |r| <= ln(2)/2 (up to ln 2 for the largest results), e^r by its series, and 2^n from a table,
 * since ONNX has no operator that touches exponents. Results below the smallest normal number are 0.
 */
export function composedExp(g: GraphBuilder, x: Value): Value {
  const bounded = g.where(g.less(x, 89), g.where(g.less(x, -104), -104, x), 89);
  const rounded = g.floor(g.add(g.mul(bounded, 1 / Math.LN2), 0.5));
  const n = g.where(g.less(HIGHEST, rounded), HIGHEST, rounded);
  const r = g.sub(g.sub(bounded, g.mul(n, LN2_HIGH)), g.mul(n, LN2_LOW));
  const power = g.add(g.add(g.mul(g.mul(r, r), horner(g, r, EXP_SERIES)), r), 1);
  const below = LOWEST - 1;
  const table = Array.from({ length: HIGHEST - below + 1 }, (_, i) => (i === 0 ? 0 : 2 ** (below + i)));
  const index = g.cast(g.sub(g.where(g.less(n, LOWEST), below, n), below), 'int32');
  const result = g.mul(power, g.gather(g.constant('float32', table), index));
  return g.where(isNaNByComparison(g, x), x, result);
}

// 2 atanh(d/2) = d (1 + w/12 + w^2/80 + ...), w = d^2 <= 4/9: nine terms leave 2^-29.
const ATANH_SERIES = Array.from({ length: 9 }, (_, k) => 1 / ((2 * k + 3) * 4 ** (k + 1)));

/** log(1 + a) = 2 atanh(d/2) with d = 2a / (2 + a), for -1/2 <= a <= 1. */
export function log1pSeries(g: GraphBuilder, a: Value): Value {
  // d and not its half: that of the smallest normal number would be flushed to 0.
  const d = g.div(g.add(a, a), g.add(a, 2));
  const w = g.mul(d, d);
  return g.add(d, g.mul(d, g.mul(w, horner(g, w, ATANH_SERIES))));
}

/** ln x: by series between 1/2 and 2, by the provider's Log elsewhere, which is off by little there but for 0, NaN and below 0. */
export function composedLog(g: GraphBuilder, x: Value): Value {
  const near = log1pSeries(g, g.sub(x, 1));
  const far = g.where(g.less(0, x), g.log(x), g.where(g.equal(x, 0), -Infinity, g.mul(x, NaN)));
  return g.where(within(g, x, 0.5, 2), near, far);
}

/** log(1 + a): by series between -1/2 and 1, as ln(1 + a) elsewhere, where 1 + a loses nothing that counts. */
export function composedLog1p(g: GraphBuilder, a: Value): Value {
  return g.where(within(g, a, -0.5, 1), log1pSeries(g, a), composedLog(g, g.add(a, 1)));
}

/**
 * a^b from the provider's Pow, which may take any base as positive and lose NaN: NaN stays, and a negative base gives NaN unless `whole`
 * says that b is a whole number, odd or even.
 */
export function composedPow(g: GraphBuilder, a: Value, b: Value, whole: 'odd' | 'even' | undefined): Value {
  const power = g.pow(g.abs(a), b);
  const negative = whole === undefined ? g.mul(a, NaN) : whole === 'odd' ? g.neg(power) : power;
  const result = g.where(g.less(a, 0), negative, power);
  return g.where(isNaNByComparison(g, g.add(a, b)), g.add(a, b), result);
}

function within(g: GraphBuilder, x: Value, low: number, high: number): Value {
  return g.and(g.lessOrEqual(low, x), g.lessOrEqual(x, high));
}

function horner(g: GraphBuilder, x: Value, coefficients: readonly number[]): Value {
  const [last = 0, ...rest] = coefficients.toReversed();
  const [next = 0, ...others] = rest;
  return others.reduce<Value>(
    (sum, coefficient) => g.add(g.mul(sum, x), coefficient),
    g.add(g.mul(x, last), next),
  );
}
