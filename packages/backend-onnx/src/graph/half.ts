const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** The bits of the IEEE binary16 number nearest to `value` (ties to even; overflow to infinity; NaN stays NaN). */
export function float16Bits(value: number): number {
  f32[0] = value;
  // Rounding twice (to binary32, then to binary16) is wrong only where binary32 lands on a tie that the double was not on:
  // force the last bit ("round to odd"), which keeps the double's side of the tie.
  let bits = u32[0]!;
  if (f32[0] !== value && (bits & 1) === 0 && Number.isFinite(value) && Number.isFinite(f32[0])) {
    const away = Math.abs(f32[0]) > Math.abs(value);
    bits = away ? (bits - 1) >>> 0 : bits | 1;
  }
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal halves are multiples of 2^-24: let the addition of 0.5 round the float32 to that grid.
    u32[0] = magnitude;
    f32[0] = f32[0] + 0.5;
    return sign | (u32[0] - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** The number that IEEE binary16 `bits` stand for. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds numbers to binary16 bits. */
export function toFloat16(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = float16Bits(values[i]!);
  return out;
}

/** Widens binary16 bits to float32 numbers. */
export function fromFloat16(bits: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = float16Value(bits[i]!);
  return out;
}
