/**
 * The mathematics that kernels call, in WGSL. WGSL lets a compiler assume that there is no NaN and no infinity, reassociate
 * and flush subnormals, and its own exp, log and tanh may be off by thousands of ulp; these functions rely on none of it:
 *
 * - NaN and infinities are told by integer tests on the bits, and comparisons are made of integers;
 * - numbers that a compiler must not see through (infinities, intermediate sums whose rounding error is wanted) pass
 *   through an exclusive or with `params.zero`, a 0 that only the host knows;
 * - exp, log and their kin are polynomials of the four basic operations.
 *
 * Errors of the elementary functions in ulp, where the basic operations round correctly: exp 0.7, log and log1p 0.8, pow
 * 0.8, the logistic tail 0.8, the softplus tail 1.2.
 */
interface MathFunction {
  readonly needs: readonly MathName[];
  readonly text: string;
}

/** Names of the functions, without their prefix `sx_`. */
export type MathName =
  | 'opaque'
  | 'bits'
  | 'isNaN'
  | 'order'
  | 'lt'
  | 'le'
  | 'eq'
  | 'min'
  | 'max'
  | 'exp'
  | 'expParts'
  | 'expOfDifference'
  | 'expNegAbs'
  | 'logisticOf'
  | 'logSeries'
  | 'logParts'
  | 'log'
  | 'log1p'
  | 'softplusOf'
  | 'sqrt'
  | 'twoSum'
  | 'twoProduct'
  | 'pow'
  | 'accumulate'
  | 'merge'
  | 'total'
  | 'halfToFloat'
  | 'floatToHalf'
  | 'toHalf';

const functions: Readonly<Record<MathName, MathFunction>> = {
  opaque: {
    needs: [],
    text: `fn sx_opaque(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ params.zero); }`,
  },
  // A number by its bits; WGSL has no constants for infinities and NaN.
  bits: {
    needs: [],
    text: `fn sx_bits(u: u32) -> f32 { return bitcast<f32>(u ^ params.zero); }`,
  },
  isNaN: {
    needs: [],
    text: `fn sx_isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }`,
  },
  // Integers in the order of the numbers; -0 and 0 are equal. Meaningless for NaN.
  order: {
    needs: [],
    text: `fn sx_order(x: f32) -> i32 {
  let i = bitcast<i32>(x);
  return select(i, bitcast<i32>(0x80000000u) - i, i < 0);
}`,
  },
  lt: {
    needs: ['isNaN', 'order'],
    text: `fn sx_lt(a: f32, b: f32) -> bool { return sx_order(a) < sx_order(b) && !sx_isNaN(a) && !sx_isNaN(b); }`,
  },
  le: {
    needs: ['isNaN', 'order'],
    text: `fn sx_le(a: f32, b: f32) -> bool { return sx_order(a) <= sx_order(b) && !sx_isNaN(a) && !sx_isNaN(b); }`,
  },
  eq: {
    needs: ['isNaN', 'order'],
    text: `fn sx_eq(a: f32, b: f32) -> bool { return sx_order(a) == sx_order(b) && !sx_isNaN(a); }`,
  },
  min: {
    needs: ['isNaN', 'order'],
    text: `fn sx_min(a: f32, b: f32) -> f32 {
  return select(select(a, b, sx_order(b) < sx_order(a) || sx_isNaN(b)), a, sx_isNaN(a));
}`,
  },
  max: {
    needs: ['isNaN', 'order'],
    text: `fn sx_max(a: f32, b: f32) -> f32 {
  return select(select(a, b, sx_order(a) < sx_order(b) || sx_isNaN(b)), a, sx_isNaN(a));
}`,
  },
  // exp(x + low), |low| much smaller than 1, as a number and what is missing from it: x = n log 2 + r, and 2^n in two
  // steps, so that it underflows late.
  expParts: {
    needs: ['opaque', 'isNaN'],
    text: `fn sx_expParts(x: f32, low: f32) -> vec2f {
  let c = clamp(x, -105.0, 90.0);
  let n = round(c * 1.4426950216293335);
  let near = sx_opaque(c - n * 0.693145751953125);
  let less = n * 1.428606765330187e-06 - low;
  let r = sx_opaque(near - less);
  let rest = (near - r) - less;
  let q = 0.5 + r * (0.166665181517601 + r * (0.04166620597243309
    + r * (0.008368887938559055 + r * 0.0013950488064438105)));
  let whole = sx_opaque(1.0 + r);
  let part = (r - sx_opaque(whole - 1.0)) + (rest + r * r * q);
  let p = sx_opaque(whole + part);
  let missing = part - sx_opaque(p - whole);
  let k = i32(n);
  let half = k >> 1u;
  let first = bitcast<f32>(u32(half + 127) << 23u);
  let second = bitcast<f32>(u32(k - half + 127) << 23u);
  let e = vec2f(sx_opaque(p * first) * second, sx_opaque(missing * first) * second);
  return vec2f(select(e.x, x, sx_isNaN(x)), e.y);
}`,
  },
  exp: {
    needs: ['expParts'],
    text: `fn sx_exp(x: f32) -> f32 { return sx_expParts(x, 0.0).x; }`,
  },
  // exp(a - b) without the rounding of a - b, which would cost |a - b| ulp.
  expOfDifference: {
    needs: ['expParts', 'twoSum', 'isNaN'],
    text: `fn sx_expOfDifference(a: f32, b: f32) -> f32 {
  let d = sx_twoSum(a, -b);
  return sx_expParts(d.x, select(d.y, 0.0, sx_isNaN(d.y))).x;
}`,
  },
  expNegAbs: {
    needs: ['expParts'],
    text: `fn sx_expNegAbs(x: f32) -> vec2f { return sx_expParts(-abs(x), 0.0); }`,
  },
  // e / (1 + e) for e in two parts: a quotient, and what its remainder adds.
  logisticOf: {
    needs: ['opaque', 'twoProduct'],
    text: `fn sx_logisticOf(e: vec2f) -> f32 {
  let d = sx_opaque(1.0 + e.x);
  let dLow = (e.x - sx_opaque(d - 1.0)) + e.y;
  let q = sx_opaque(e.x / d);
  let p = sx_twoProduct(q, d);
  return q + ((sx_opaque(e.x - p.x) - p.y) + (e.y - q * dLow)) / d;
}`,
  },
  // (2 atanh(s) - 2 s) / s as a polynomial in z = s^2 for 0 <= z <= 1/9.
  logSeries: {
    needs: [],
    text: `fn sx_logSeries(z: f32) -> f32 {
  return z * (0.6666668057441711 + z * (0.39998385310173035 + z * (0.28628766536712646
    + z * (0.21310581266880035 + z * 0.24707388877868652))));
}`,
  },
  // A positive finite number as (1 + f) 2^k with 1 + f in [sqrt(1/2), sqrt(2)): f and k. Subnormals count as they are.
  logParts: {
    needs: [],
    text: `fn sx_logParts(x: f32) -> vec2f {
  let b = bitcast<u32>(x);
  let small = b < 0x00800000u;
  let u = select(b, bitcast<u32>(f32(b)), small);
  let shifted = u + (0x3f800000u - 0x3f3504f3u);
  let k = i32(shifted >> 23u) - 127 - select(0, 149, small);
  let m = bitcast<f32>((shifted & 0x007fffffu) + 0x3f3504f3u);
  return vec2f(m - 1.0, f32(k));
}`,
  },
  // log(1 + f) = f - (h - s (h + R)) with h = f^2/2, s = f / (2 + f): what is subtracted from f is small.
  log: {
    needs: ['bits', 'isNaN', 'logSeries', 'logParts'],
    text: `fn sx_log(x: f32) -> f32 {
  let parts = sx_logParts(x);
  let f = parts.x;
  let s = f / (2.0 + f);
  let h = 0.5 * f * f;
  let y = parts.y * 0.693145751953125
    - ((h - (s * (h + sx_logSeries(s * s)) + parts.y * 1.428606765330187e-06)) - f);
  let b = bitcast<u32>(x);
  let positive = select(y, x, b == 0x7f800000u);
  let special = select(sx_bits(0x7fc00000u), sx_bits(0xff800000u), (b & 0x7fffffffu) == 0u);
  return select(positive, special, b > 0x7f800000u || b == 0u);
}`,
  },
  // The rounding of 1 + x is made good by its error over 1 + x.
  log1p: {
    needs: ['opaque', 'bits', 'logSeries', 'logParts'],
    text: `fn sx_log1p(x: f32) -> f32 {
  let near = x > -0.2928 && x < 0.4142;
  let u = sx_opaque(1.0 + x);
  let parts = sx_logParts(u);
  let lost = select(x - sx_opaque(u - 1.0), 1.0 - sx_opaque(u - x), x > 1.0);
  let c = select(lost / u, 0.0, near);
  let f = select(parts.x, x, near);
  let k = select(parts.y, 0.0, near);
  let s = f / (2.0 + f);
  let h = 0.5 * f * f;
  let y = k * 0.693145751953125
    - ((h - (s * (h + sx_logSeries(s * s)) + (k * 1.428606765330187e-06 + c))) - f);
  let b = bitcast<u32>(x);
  let a = b & 0x7fffffffu;
  let tiny = select(y, x, a < 0x33000000u || (a >= 0x7f800000u && b < 0x80000000u) || a > 0x7f800000u);
  let special = select(sx_bits(0x7fc00000u), sx_bits(0xff800000u), b == 0xbf800000u);
  return select(tiny, special, b >= 0xbf800000u && a <= 0x7f800000u);
}`,
  },
  // log(1 + e) for 0 <= e <= 1, e in two parts.
  softplusOf: {
    needs: ['logSeries'],
    text: `fn sx_softplusOf(e: vec2f) -> f32 {
  let s = e.x / (2.0 + e.x);
  let h = 0.5 * e.x * e.x;
  return e.x - (h - (s * (h + sx_logSeries(s * s)) + e.y / (1.0 + e.x)));
}`,
  },
  sqrt: {
    needs: ['bits'],
    text: `fn sx_sqrt(x: f32) -> f32 {
  let b = bitcast<u32>(x);
  let whole = b == 0u || b >= 0x7f800000u;
  let y = sqrt(select(x, 1.0, whole));
  let special = select(x, sx_bits(0x7fc00000u), b > 0x80000000u && b <= 0xff800000u);
  return select(y, special, whole);
}`,
  },
  // a + b and its rounding error (Knuth).
  twoSum: {
    needs: ['opaque'],
    text: `fn sx_twoSum(a: f32, b: f32) -> vec2f {
  let s = sx_opaque(a + b);
  let t = sx_opaque(s - a);
  return vec2f(s, (a - sx_opaque(s - t)) + (b - t));
}`,
  },
  // a b and its rounding error (Dekker): halves of 12 bits, whose products are exact.
  twoProduct: {
    needs: ['opaque'],
    text: `fn sx_twoProduct(a: f32, b: f32) -> vec2f {
  let p = sx_opaque(a * b);
  let ah = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  let bh = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
  let al = a - ah;
  let bl = b - bh;
  return vec2f(p, ((sx_opaque(ah * bh) - p) + sx_opaque(ah * bl) + sx_opaque(al * bh)) + al * bl);
}`,
  },
  // |a|^b = exp(b log |a|) with the logarithm and the product in two parts each.
  pow: {
    needs: ['bits', 'opaque', 'isNaN', 'logSeries', 'logParts', 'twoSum', 'twoProduct', 'expParts'],
    text: `fn sx_pow(a: f32, b: f32) -> f32 {
  let ax = abs(a);
  let bits = bitcast<u32>(ax);
  let parts = sx_logParts(ax);
  let f = parts.x;
  let d = sx_opaque(2.0 + f);
  let dLow = f - sx_opaque(d - 2.0);
  let s = sx_opaque(f / d);
  let q = sx_twoProduct(s, d);
  let sLow = (sx_opaque(f - q.x) - q.y - s * dLow) / d;
  let sum = sx_twoSum(parts.y * 0.693145751953125, 2.0 * s);
  let low = sum.y + (parts.y * 1.428606765330187e-06 + (2.0 * sLow + s * sx_logSeries(s * s)));
  let log = sx_twoSum(sum.x, low);
  let y = sx_twoProduct(b, log.x);
  let infinite = select(sx_bits(0x7f800000u), sx_bits(0xff800000u), bits == 0u);
  let special = bits == 0u || bits == 0x7f800000u || abs(y.x) > 200.0 || (bitcast<u32>(b) & 0x7f800000u) == 0x7f800000u;
  let plain = b * select(log.x, infinite, bits == 0u || bits == 0x7f800000u);
  var r = sx_expParts(select(y.x, plain, special), select(y.y + b * log.y, 0.0, special)).x;
  let isNegative = bitcast<u32>(a) > 0x80000000u;
  let isWhole = floor(b) == b;
  let isOdd = isWhole && abs(b) < 16777216.0 && floor(b * 0.5) * 2.0 != b;
  r = select(r, select(sx_bits(0x7fc00000u), select(r, -r, isOdd), isWhole), isNegative);
  r = select(r, sx_bits(0x7fc00000u), sx_isNaN(a) || sx_isNaN(b));
  return select(r, 1.0, b == 0.0 && !sx_isNaN(b));
}`,
  },
  // Adds to a sum that carries its rounding errors beside it.
  accumulate: {
    needs: ['twoSum'],
    text: `fn sx_accumulate(sum: vec2f, x: f32) -> vec2f {
  let t = sx_twoSum(sum.x, x);
  return vec2f(t.x, sum.y + t.y);
}`,
  },
  merge: {
    needs: ['twoSum'],
    text: `fn sx_merge(a: vec2f, b: vec2f) -> vec2f {
  let t = sx_twoSum(a.x, b.x);
  return vec2f(t.x, a.y + b.y + t.y);
}`,
  },
  // The value of such a sum. Beside an infinity, the errors are NaN.
  total: {
    needs: ['isNaN'],
    text: `fn sx_total(sum: vec2f) -> f32 { return select(sum.x + sum.y, sum.x, sx_isNaN(sum.y)); }`,
  },
  // binary16, by its bits: exact, on adapters with and without f16.
  halfToFloat: {
    needs: ['bits'],
    text: `fn sx_halfToFloat(h: u32) -> f32 {
  let sign = (h & 0x8000u) << 16u;
  let e = (h >> 10u) & 31u;
  let m = h & 0x3ffu;
  let normal = bitcast<f32>(((e + 112u) << 23u) | (m << 13u));
  let small = f32(m) * 5.9604644775390625e-8;
  let magnitude = select(select(normal, small, e == 0u), sx_bits(0x7f800000u | (m << 13u)), e == 31u);
  return bitcast<f32>(bitcast<u32>(magnitude) | sign);
}`,
  },
  // To the nearest binary16, ties to even.
  floatToHalf: {
    needs: [],
    text: `fn sx_floatToHalf(x: f32) -> u32 {
  let b = bitcast<u32>(x);
  let sign = (b >> 16u) & 0x8000u;
  let a = b & 0x7fffffffu;
  if (a > 0x7f800000u) { return sign | 0x7e00u; }
  if (a >= 0x477ff000u) { return sign | 0x7c00u; }
  if (a >= 0x38800000u) {
    let rounded = a + 0xfffu + ((a >> 13u) & 1u);
    return sign | ((rounded >> 13u) - (112u << 10u));
  }
  if (a < 0x33000000u) { return sign; }
  let shift = 126u - (a >> 23u);
  let m = (a & 0x7fffffu) | 0x800000u;
  let rest = m & ((1u << shift) - 1u);
  let tie = 1u << (shift - 1u);
  let whole = m >> shift;
  return sign | (whole + select(0u, 1u, rest > tie || (rest == tie && (whole & 1u) == 1u)));
}`,
  },
  // The same by the adapter's own conversion, for modules that enable f16. WGSL leaves open what becomes of NaN and of
  // numbers that are too large, and in which direction it rounds: the first two are told here, the last by a probe.
  toHalf: {
    needs: [],
    text: `fn sx_toHalf(x: f32) -> f16 {
  let b = bitcast<u32>(x);
  let a = b & 0x7fffffffu;
  let special = ((b >> 16u) & 0x8000u) | select(0x7c00u, 0x7e00u, a > 0x7f800000u);
  return select(f16(x), bitcast<vec2<f16>>(special ^ params.zero).x, a >= 0x477ff000u);
}`,
  },
};

/** The text of these functions and of all that they call. They read `params.zero`. */
export function mathLibrary(names: Iterable<MathName>): string {
  const texts = new Map<MathName, string>();
  const add = (name: MathName): void => {
    if (texts.has(name)) return;
    const { needs, text } = functions[name];
    for (const needed of needs) add(needed);
    texts.set(name, text);
  };
  for (const name of names) add(name);
  return [...texts.values()].join('\n');
}
