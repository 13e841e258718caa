/**
 * Elementary functions made of + - * / and comparisons, for backends whose own are far off (see `dialect.ts`). Every operation is
 * a kernel of its own, so no compiler contracts or reorders them. To be called inside tf.tidy.
 */
import type { TensorFlow, TfTensor } from '../tf.js';

// ln 2 in two parts, the first with so few bits that its product with a whole number below 2^8 is exact.
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = Math.LN2 - LN2_HIGH;
// (e^r - 1 - r) / r^2 by Taylor: for |r| <= ln 2 the rest of e^r is below 2^-23 of it.
const EXP_SERIES = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320];
const [LEAST_EXPONENT, GREATEST_EXPONENT] = [-126, 127];

/** e^x = 2^n e^r with x = n ln 2 + r; 2^n from a table. Results below the smallest normal number are 0. */
export function composedExp(tf: TensorFlow, x: TfTensor): TfTensor {
  const bounded = tf.where(tf.less(x, 89), tf.where(tf.less(x, -104), tf.scalar(-104), x), tf.scalar(89));
  const nearest = tf.floor(tf.add(tf.mul(bounded, 1 / Math.LN2), 0.5));
  const n = tf.where(tf.less(nearest, GREATEST_EXPONENT), nearest, tf.scalar(GREATEST_EXPONENT));
  const r = tf.sub(tf.sub(bounded, tf.mul(n, LN2_HIGH)), tf.mul(n, LN2_LOW));
  const power = tf.add(tf.add(tf.mul(tf.mul(r, r), horner(tf, r, EXP_SERIES)), r), 1);
  const below = LEAST_EXPONENT - 1;
  const table = Float32Array.from({ length: GREATEST_EXPONENT - below + 1 }, (_, i) =>
    i === 0 ? 0 : 2 ** (below + i),
  );
  const index = tf.sub(tf.where(tf.less(n, LEAST_EXPONENT), tf.scalar(below), n), below);
  const scale = tf.gather(tf.tensor(table, [table.length], 'float32'), tf.cast(index, 'int32'));
  return tf.where(tf.isNaN(x), x, tf.mul(power, scale));
}

// 2 atanh(d/2) = d (1 + w/12 + w^2/80 + ...), w = d^2 <= 4/9: nine terms leave 2^-29.
const ATANH_SERIES = Array.from({ length: 9 }, (_, k) => 1 / ((2 * k + 3) * 4 ** (k + 1)));

/** log(1 + a) = 2 atanh(d/2) with d = 2a / (2 + a), for -1/2 <= a <= 1. */
export function log1pSeries(tf: TensorFlow, a: TfTensor): TfTensor {
  // d and not its half: that of the smallest normal number would be flushed to 0.
  const d = tf.div(tf.add(a, a), tf.add(a, 2));
  const w = tf.mul(d, d);
  return tf.add(d, tf.mul(d, tf.mul(w, horner(tf, w, ATANH_SERIES))));
}

/** ln x: by series between 1/2 and 2, elsewhere by the backend's log, which is right there but for 0, NaN and below 0. */
export function composedLog(tf: TensorFlow, x: TfTensor): TfTensor {
  const near = log1pSeries(tf, tf.sub(x, 1));
  const notPositive = tf.where(tf.equal(x, 0), tf.scalar(-Infinity), tf.scalar(NaN));
  const far = tf.where(tf.less(0, x), tf.log(x), notPositive);
  return tf.where(within(tf, x, 0.5, 2), near, far);
}

/** log(1 + a): by series between -1/2 and 1, as ln(1 + a) elsewhere, where 1 + a loses nothing that counts. */
export function composedLog1p(tf: TensorFlow, a: TfTensor): TfTensor {
  return tf.where(within(tf, a, -0.5, 1), log1pSeries(tf, a), composedLog(tf, tf.add(a, 1)));
}

// Beyond it products would take longer, and be worse, than one exponential.
const GREATEST_PRODUCT = 32;

/**
 * a^b for a constant b: a^n by products, n the whole number next to b, times the square root of a or e^(f ln a) for
 * what is left, |f| <= 1/2, which magnifies the error of the logarithm least. NaN for a < 0 unless b is whole.
 */
export function composedPow(tf: TensorFlow, a: TfTensor, b: number): TfTensor {
  if (Number.isNaN(b)) return tf.mul(a, NaN);
  const n = Math.abs(b) <= GREATEST_PRODUCT ? Math.round(b) : 0;
  const rest = b - n;
  const whole = product(tf, a, Math.abs(n));
  const signed = n < 0 && whole !== undefined ? tf.div(1, whole) : whole;
  if (rest === 0) return signed ?? tf.broadcastTo(tf.scalar(1), a.shape);
  const part =
    rest === 0.5
      ? tf.sqrt(a)
      : rest === -0.5
        ? tf.div(1, tf.sqrt(a))
        : composedExp(tf, tf.mul(composedLog(tf, a), rest));
  if (signed === undefined) return part;
  // 0 * Infinity at the ends, where n and the rest differ in sign.
  const end = tf.where(tf.equal(a, 0), tf.scalar(0 ** b), tf.scalar(Infinity ** b));
  const isEnd = tf.logicalOr(tf.equal(a, 0), tf.equal(a, Infinity));
  return tf.where(isEnd, end, tf.mul(signed, part));
}

/** a^n by squares. */
function product(tf: TensorFlow, a: TfTensor, n: number): TfTensor | undefined {
  let result: TfTensor | undefined;
  let square = a;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = result === undefined ? square : tf.mul(result, square);
    if (left > 1) square = tf.mul(square, square);
  }
  return result;
}

function within(tf: TensorFlow, x: TfTensor, low: number, high: number): TfTensor {
  return tf.logicalAnd(tf.lessEqual(low, x), tf.lessEqual(x, high));
}

function horner(tf: TensorFlow, x: TfTensor, coefficients: readonly number[]): TfTensor {
  const [last = 0, next = 0, ...others] = coefficients.toReversed();
  return others.reduce<TfTensor>(
    (sum, coefficient) => tf.add(tf.mul(sum, x), coefficient),
    tf.add(tf.mul(x, last), next),
  );
}
