/** Numbers as the reference reads and adds them: decoding of stored elements, compensated sums. */
import { float16ToNumber, numberToFloat16 } from '../float16.js';
import { sizeOf, type DType, type Tensor } from '../tensor.js';

/** Stored elements as numbers: float16 bits decoded, everything else as it stands. */
export function storedNumbers(tensor: Tensor): ArrayLike<number> {
  if (tensor.dtype !== 'float16') return tensor.data;
  return Float64Array.from(tensor.data as Uint16Array, float16ToNumber);
}

/** A soft target and its complement 1 - t: uint8 is n/255, floats stand for themselves. */
export function softTarget(stored: number, dtype: DType): { t: number; notT: number } {
  if (dtype === 'uint8') return { t: stored / 255, notT: (255 - stored) / 255 };
  return { t: stored, notT: 1 - stored };
}

/** A number as a tensor of this dtype would store it; NaN for whole-number dtypes that cannot. */
export function asStored(value: number, dtype: DType): number {
  switch (dtype) {
    case 'float64':
      return value;
    case 'float32':
      return Math.fround(value);
    case 'float16':
      return float16ToNumber(numberToFloat16(value));
    case 'int32':
    case 'uint8':
      return value;
  }
}

/** Equal as stored values: NaN matches NaN. */
export function sameStored(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

/** A running sum with Neumaier's compensation: `high + low` is right to about 1e-32 of the largest partial sum. */
export class Sum {
  high = 0;
  low = 0;

  add(term: number): this {
    const next = this.high + term;
    // Beyond the finite numbers there is nothing to compensate, and inf - inf would make NaN.
    if (Number.isFinite(next)) {
      this.low += Math.abs(this.high) >= Math.abs(term) ? this.high - next + term : term - next + this.high;
    }
    this.high = next;
    return this;
  }

  get value(): number {
    return Number.isFinite(this.high) ? this.high + this.low : this.high;
  }
}

/** The compensated sum of the terms. */
export function sum(terms: Iterable<number>): number {
  const total = new Sum();
  for (const term of terms) total.add(term);
  return total.value;
}

/** a b with 0 times anything = 0: the convention 0 log 0 = 0. */
export function timesOrZero(a: number, b: number): number {
  return a === 0 ? 0 : a * b;
}

/** The greatest magnitude; NaN where there is a NaN. */
export function largest(...terms: readonly number[]): number {
  let most = 0;
  for (const term of terms) most = Math.max(most, Math.abs(term));
  return most;
}

/** Array of as many numbers as the shape has elements. */
export function zeros(shape: readonly number[]): Float64Array {
  return new Float64Array(sizeOf(shape));
}
