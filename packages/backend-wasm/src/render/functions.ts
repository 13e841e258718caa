/** Exponential, logarithms and powers on vectors of float32. Coefficients are near-minimax fits of our own. */
import { signBit, type Term, type Vectors } from './vectors.js';

// ln 2 in two parts: n * high is exact for |n| < 2^15.
const ln2High = 0.693359375;
const ln2Low = -2.1219444005469057e-4;

// (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2: relative error of the whole 3e-9.
const expTail = [
  0.4999999344869895, 0.16666520645345267, 0.04166838788829345, 0.008368715218976698, 0.0013814601845167534,
];
// (log(1+f) - f + f^2/2) / f^3 on [sqrt(1/2), sqrt(2)] - 1: relative error of the whole 1.3e-8.
const logTail = [
  0.3333324311714865, -0.2500065688649988, 0.20005679903074924, -0.16631246524183071, 0.14132924343508244,
  -0.13032133954293107, 0.13099517297513, -0.08316079048322529,
];
// log1p(e) = h + h z G(z) with q = e / (1 + e), h = (e + q) / 2, z = e - q, for e in [0, 1]: relative error 1.7e-8.
const log1pOfTail = [-0.16666500813309604, 0.03330637619098395, -0.00698743871803613, 0.001209796251756162];
// r coth(r/2) = 2 + r^2 (.. + .. r^2) on |r| <= ln(2)/2: relative error of exp(r) = (c + r) / (c - r) 1e-9.
const expQuotient = [0.16666617612359116, -0.002765975439989289] as const;
// (2^r - 1) / r on |r| <= 1/2: relative error 2e-9.
const exp2Slope = [
  0.6931472028551278, 0.24022647913619652, 0.05550332471026569, 0.009618437358292924, 0.001339887444551251,
  0.00015353361816391846,
];

// Rounds to n = -127, whose power of two comes out as exactly 0.
const exponentOfZero = -88;
// Adding it rounds to a whole number, whose lowest bits are then those of the sum's bit pattern.
const rounder = 1.5 * 2 ** 23;

/** x = n ln 2 + r, and `m`, whose lowest bits hold n + bias. */
function reduce(v: Vectors, x: Term, bias: number): { r: Term; m: Term } {
  const magic = v.constant(rounder + bias);
  const m = v.let(v.madd(x, v.constant(Math.LOG2E), magic));
  const n = v.let(v.sub(m, magic));
  return { r: v.let(v.madd(n, v.constant(-ln2Low), v.madd(n, v.constant(-ln2High), x))), m };
}

/** exp(r) for x = n ln 2 + r, and `m`, whose lowest bits hold n + bias. */
function reducedExp(v: Vectors, x: Term, bias: number): { p: Term; m: Term } {
  const { r, m } = reduce(v, x, bias);
  const square = v.let(v.mul(r, r));
  const p = v.add(v.constant(1), v.madd(square, v.polynomial(r, expTail, square), r));
  return { p, m };
}

/** exp(x) for x <= 0 or NaN; results below the smallest normal number may be 0. */
export function expOfNegative(v: Vectors, x: Term): Term {
  const { p, m } = reducedExp(v, v.let(v.pmax(x, v.constant(exponentOfZero))), 127);
  // A product, not an addition to the exponent's bits: NaN stays NaN whatever its payload.
  return v.mul(p, v.shift('i32x4.shl', m, 23));
}

/** exp(x) for any x, with subnormal results. */
export function exp(v: Vectors, x: Term): Term {
  const clamped = v.let(v.pmin(v.pmax(x, v.constant(-110)), v.constant(90)));
  const { p, m } = reducedExp(v, clamped, 0);
  const n = v.let(v.binary('i32x4.sub', m, v.constant(rounder)));
  const half = v.let(v.shift('i32x4.shr_s', n, 1));
  const power = (exponent: Term): Term =>
    v.shift('i32x4.shl', v.binary('i32x4.add', exponent, v.bits(127)), 23);
  return v.mul(v.mul(p, power(half)), power(v.binary('i32x4.sub', n, half)));
}

/**
 * sigma(-|x|) alone. With exp(-|x|) = 2^n (c + r) / (c - r) it is one quotient, without the exponential before it: a
 * third of the operations of {@link tails}, and half as long from first to last.
 */
export function logisticTail(v: Vectors, x: Term): Term {
  const a = v.let(v.pmax(v.or(x, v.bits(signBit)), v.constant(exponentOfZero)));
  const { r, m } = reduce(v, a, 127);
  const z = v.let(v.mul(r, r));
  const [first, second] = expQuotient;
  const c = v.let(v.madd(z, v.madd(z, v.constant(second), v.constant(first)), v.constant(2)));
  const top = v.let(v.mul(v.add(c, r), v.shift('i32x4.shl', m, 23)));
  return v.div(top, v.add(v.sub(c, r), top));
}

/** sigma(-|x|), and log1p(exp(-|x|)) from the same exponential where it is wanted. */
export function tails(v: Vectors, x: Term): { logistic: Term; softplus: () => Term } {
  const e = v.let(expOfNegative(v, v.let(v.or(x, v.bits(signBit)))));
  const q = v.let(v.div(e, v.add(e, v.constant(1))));
  return {
    logistic: q,
    softplus: () => {
      const z = v.let(v.sub(e, q));
      // The half is exact, and the roundings of the rest are of a number a twelfth as large.
      const h = v.let(v.mul(v.add(e, q), v.constant(0.5)));
      return v.madd(h, v.mul(z, v.polynomial(z, log1pOfTail)), h);
    },
  };
}

/** x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for positive finite x. */
function decompose(v: Vectors, x: Term): { k: Term; f: Term } {
  const tiny = v.let(v.binary('f32x4.lt', x, v.constant(2 ** -126)));
  const normal = v.let(v.select(tiny, v.mul(x, v.constant(2 ** 23)), x));
  const shifted = v.binary('i32x4.sub', normal, v.constant(Math.SQRT1_2));
  const exponent = v.let(v.shift('i32x4.shr_s', shifted, 23));
  const mantissa = v.binary('i32x4.sub', normal, v.shift('i32x4.shl', exponent, 23));
  const f = v.let(v.sub(mantissa, v.constant(1)));
  const k = v.let(v.sub(v.unary('f32x4.convert_i32x4_s', exponent), v.and(tiny, v.constant(23))));
  return { k, f };
}

/** Natural logarithm: -Infinity at 0, NaN below. */
export function log(v: Vectors, x: Term): Term {
  const { k, f } = decompose(v, x);
  const curve = v.madd(f, v.polynomial(f, logTail), v.constant(-0.5));
  const correction = v.madd(k, v.constant(ln2Low), v.mul(v.mul(f, f), curve));
  const result = v.let(v.madd(k, v.constant(ln2High), v.add(f, correction)));
  const zero = v.constant(0);
  const regular = v.and(v.binary('f32x4.lt', zero, x), v.binary('f32x4.lt', x, v.constant(Infinity)));
  // The square root is NaN below 0 and for NaN, and infinite at infinity.
  const special = v.select(v.binary('f32x4.eq', x, zero), v.constant(-Infinity), v.unary('f32x4.sqrt', x));
  return v.select(v.let(regular), result, v.let(special));
}

/** log(1 + x) without losing the digits of a small x. */
export function log1p(v: Vectors, x: Term): Term {
  const one = v.constant(1);
  const u = v.let(v.add(x, one));
  const rounded = v.let(log(v, u));
  // What 1 + x lost, to first order; NaN where 1 + x is 0 or infinite, and nothing is to be added.
  const lost = v.let(v.div(v.sub(x, v.sub(u, one)), u));
  return v.add(rounded, v.and(lost, v.binary('f32x4.eq', lost, lost)));
}

/** log2 of 2^k (1 + f) for two lanes, in float64: 2 atanh(f / (2 + f)) / ln 2 + k. */
function log2Double(v: Vectors, k: Term, f: Term): Term {
  const terms = 9;
  const wide =
    (value: number): Term =>
    () =>
      void v.fn.f64(value).op('f64x2.splat');
  const add = (a: Term, b: Term): Term => v.binary('f64x2.add', a, b);
  const mul = (a: Term, b: Term): Term => v.binary('f64x2.mul', a, b);
  const f2 = v.let(v.unary('f64x2.promote_low_f32x4', f));
  const s = v.let(v.binary('f64x2.div', f2, add(f2, wide(2))));
  const z = v.let(mul(s, s));
  let series = wide(1 / (2 * terms + 1));
  for (let i = terms - 1; i >= 0; i--) series = add(mul(series, z), wide(1 / (2 * i + 1)));
  return add(mul(mul(s, series), wide(2 * Math.LOG2E)), v.unary('f64x2.promote_low_f32x4', k));
}

/** a to the power b as JavaScript has it: through log2 in float64, so that a large exponent costs no digits. */
export function pow(v: Vectors, base: Term, power: Term): Term {
  const magnitude = v.let(v.abs(base));
  const { k, f } = decompose(v, magnitude);
  const high = (a: Term): Term => v.shuffle(a, a, [2, 3, 2, 3]);
  const halves = [
    { k, f, b: power },
    { k: high(k), f: high(f), b: high(power) },
  ].map((half) => {
    const y = v.binary(
      'f64x2.mul',
      log2Double(v, half.k, half.f),
      v.unary('f64x2.promote_low_f32x4', half.b),
    );
    const limit =
      (value: number): Term =>
      () =>
        void v.fn.f64(value).op('f64x2.splat');
    const clamped = v.let(v.binary('f64x2.pmin', v.binary('f64x2.pmax', y, limit(-300)), limit(300)));
    const n = v.let(v.unary('f64x2.nearest', clamped));
    const rest = v.binary('f64x2.sub', clamped, n);
    return {
      n: v.let(v.unary('f32x4.demote_f64x2_zero', n)),
      r: v.let(v.unary('f32x4.demote_f64x2_zero', rest)),
    };
  });
  const [lower, upper] = halves as [{ n: Term; r: Term }, { n: Term; r: Term }];
  const join = (a: Term, b: Term): Term => v.let(v.shuffle(a, b, [0, 1, 4, 5]));
  const r = join(lower.r, upper.r);
  const n = v.let(v.unary('i32x4.trunc_sat_f32x4_s', join(lower.n, upper.n)));
  const p = v.madd(r, v.polynomial(r, exp2Slope), v.constant(1));
  const third = v.let(v.shift('i32x4.shr_s', n, 2));
  const scale = (exponent: Term): Term =>
    v.shift('i32x4.shl', v.binary('i32x4.add', exponent, v.bits(127)), 23);
  // 2^n in four factors: n may be far outside the exponents of float32.
  const quarter = v.let(scale(third));
  const lastExponent = v.binary(
    'i32x4.sub',
    n,
    v.binary('i32x4.add', third, v.binary('i32x4.add', third, third)),
  );
  const scaled = v.mul(v.mul(v.mul(v.mul(p, quarter), quarter), quarter), scale(lastExponent));
  return powSpecials(v, base, power, magnitude, v.let(scaled));
}

function powSpecials(v: Vectors, base: Term, power: Term, magnitude: Term, regular: Term): Term {
  const zero = v.constant(0);
  const one = v.constant(1);
  const eq = (a: Term, b: Term): Term => v.binary('f32x4.eq', a, b);
  const lt = (a: Term, b: Term): Term => v.binary('f32x4.lt', a, b);
  const infinite = v.constant(Infinity);
  // |a| of 0 or infinity, or an infinite b: 0 or infinity by the sign of b log|a|.
  const grows = v.let(
    v.or(v.and(lt(zero, power), lt(one, magnitude)), v.and(lt(power, zero), lt(magnitude, one))),
  );
  const extreme = v.or(v.or(eq(magnitude, zero), eq(magnitude, infinite)), eq(v.abs(power), infinite));
  const limited = v.let(v.select(v.let(extreme), v.and(grows, infinite), regular));
  // A negative base: the sign of an odd power, NaN for one that is not whole.
  const half = v.mul(power, v.constant(0.5));
  const whole = v.let(eq(v.unary('f32x4.trunc', power), power));
  const even = v.let(eq(v.unary('f32x4.trunc', half), half));
  const negative = v.let(v.and(lt(base, zero), v.binary('f32x4.ne', magnitude, infinite)));
  const odd = v.andnot(whole, even);
  const signed = v.let(v.binary('v128.xor', limited, v.and(v.and(base, odd), v.bits(signBit))));
  const defined = v.let(v.or(signed, v.andnot(negative, whole)));
  const isNaN = v.or(v.binary('f32x4.ne', base, base), v.binary('f32x4.ne', power, power));
  const unit = v.and(eq(magnitude, one), eq(v.abs(power), infinite));
  const withNaN = v.let(v.or(v.or(defined, isNaN), unit));
  return v.select(eq(power, zero), one, withNaN);
}
