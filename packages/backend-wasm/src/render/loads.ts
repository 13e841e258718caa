/** Reading stored elements as vectors of float32. */
import type { DType } from '@softxent/core';
import type { Local } from '../emitter/function.js';
import type { Term, Vectors } from './vectors.js';

/** Four consecutive elements. May read up to 12 bytes beyond the last that is wanted. */
export function load(v: Vectors, dtype: DType, address: Local, offset = 0): Term {
  const { fn } = v;
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
