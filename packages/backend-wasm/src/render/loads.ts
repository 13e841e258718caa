/** Reading stored elements as vectors of float32, and storing them. */
import type { DType } from '@softxent/core';
import type { Local } from '../emitter/function.js';
import type { Term, Vectors } from './vectors.js';

/**
 * Half precision in the low 16 bits of each lane, as float32. Shifted into place it is a float32 that is 2^112 too small,
 * subnormal numbers included; infinity and NaN get their exponent back.
 */
function widen(v: Vectors, half: Term): Term {
  const h = v.let(half);
  const magnitude = v.let(v.and(h, v.bits(0x7fff)));
  const scaled = v.mul(v.shift('i32x4.shl', magnitude, 13), v.constant(2 ** 112));
  const special = v.and(v.binary('i32x4.gt_s', magnitude, v.bits(0x7bff)), v.bits(0x7f800000));
  const sign = v.shift('i32x4.shl', v.and(h, v.bits(0x8000)), 16);
  return v.or(v.or(scaled, special), sign);
}

/** Float32 as half precision in the low 16 bits of each lane, rounded to nearest, ties to even. */
function narrow(v: Vectors, value: Term): Term {
  const bits = v.let(value);
  const magnitude = v.let(v.abs(bits));
  const odd = v.and(v.shift('i32x4.shr_u', magnitude, 13), v.bits(1));
  const addition = v.binary('i32x4.add', odd, v.bits(0xfff - (112 << 23)));
  const normal = v.shift('i32x4.shr_u', v.binary('i32x4.add', magnitude, addition), 13);
  // Adding a half leaves the subnormal number, rounded, in the lowest bits.
  const subnormal = v.binary('i32x4.sub', v.add(magnitude, v.constant(0.5)), v.constant(0.5));
  const isSmall = v.binary('f32x4.lt', magnitude, v.constant(2 ** -14));
  const finite = v.let(v.select(v.let(isSmall), subnormal, normal));
  const isLarge = v.let(v.binary('f32x4.le', v.constant(65520), magnitude));
  const limited = v.let(v.select(isLarge, v.bits(0x7c00), finite));
  const isNaN = v.let(v.binary('f32x4.ne', bits, bits));
  const sign = v.and(v.shift('i32x4.shr_u', bits, 16), v.bits(0x8000));
  return v.or(v.select(isNaN, v.bits(0x7e00), limited), sign);
}

/** Stores four elements of an output; its dtype is float32 or float16. */
export function store(v: Vectors, dtype: DType, value: Term, address: Local, offset = 0): void {
  const { fn } = v;
  if (dtype !== 'float16') {
    fn.get(address);
    value();
    fn.memory('v128.store', offset);
    return;
  }
  const half = v.let(narrow(v, value));
  fn.get(address);
  half();
  half();
  fn.op('i8x16.shuffle', 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13);
  fn.memory('v128.store64_lane', offset, 0);
}

/** Stores the first elements of a vector, as many as the local says. */
export function storeSome(
  v: Vectors,
  dtype: DType,
  value: Term,
  address: Local,
  offset: number,
  lanes: Local,
): void {
  const { fn } = v;
  const isHalf = dtype === 'float16';
  const stored = v.let(isHalf ? narrow(v, value) : value);
  for (let lane = 0; lane < 4; lane++) {
    fn.get(lanes)
      .i32(lane)
      .op('i32.gt_u')
      .ifThen(() => {
        fn.get(address);
        stored();
        if (isHalf) fn.memory('v128.store16_lane', offset + 2 * lane, 2 * lane);
        else fn.memory('v128.store32_lane', offset + 4 * lane, lane);
      });
  }
}

/** Four consecutive elements. May read up to 12 bytes beyond the last that is wanted. */
export function load(v: Vectors, dtype: DType, address: Local, offset = 0): Term {
  const { fn } = v;
  if (dtype === 'float16') {
    return widen(v, () => {
      fn.get(address).memory('v128.load64_zero', offset).op('i32x4.extend_low_i16x8_u');
    });
  }
  return () => {
    fn.get(address);
    switch (dtype) {
      case 'uint8':
        fn.memory('v128.load32_zero', offset);
        fn.op('i16x8.extend_low_i8x16_u').op('i32x4.extend_low_i16x8_u').op('f32x4.convert_i32x4_s');
        return;
      case 'int32':
        fn.memory('v128.load', offset).op('f32x4.convert_i32x4_s');
        return;
      default:
        fn.memory('v128.load', offset);
    }
  };
}

/** One element in every lane. */
export function loadSplat(v: Vectors, dtype: DType, address: Local, offset = 0): Term {
  const { fn } = v;
  if (dtype === 'float16') {
    // The upper half of each lane is the same number again; what is read is the lower one.
    return widen(
      v,
      v.and(() => fn.get(address).memory('v128.load16_splat', offset), v.bits(0xffff)),
    );
  }
  const low = dtype === 'uint8' ? v.bits(0xff) : undefined;
  return () => {
    fn.get(address);
    switch (dtype) {
      case 'uint8':
        fn.memory('v128.load8_splat', offset);
        low?.();
        fn.op('v128.and').op('f32x4.convert_i32x4_s');
        return;
      case 'int32':
        fn.memory('v128.load32_splat', offset).op('f32x4.convert_i32x4_s');
        return;
      default:
        fn.memory('v128.load32_splat', offset);
    }
  };
}
