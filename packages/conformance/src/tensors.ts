/** Host tensors of every dtype from plain numbers, and plain numbers from them. */
import {
  allocate,
  float16ToNumber,
  formatShape,
  numberToFloat16,
  sizeOf,
  type DType,
  type Tensor,
  type TensorSpec,
} from '@softxent/core';

/** Operands of a call, all in host memory. */
export type HostOperands = Readonly<Record<string, Tensor>>;

/** A tensor of this dtype with each element from `at`, rounded as the dtype stores it. */
export function fill(dtype: DType, shape: readonly number[], at: (index: number) => number): Tensor {
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'float16' ? numberToFloat16(at(i)) : at(i);
  return { dtype, shape, data };
}

/** A tensor of this dtype from a list. */
export function from(dtype: DType, shape: readonly number[], values: readonly number[]): Tensor {
  return fill(dtype, shape, (i) => values[i] ?? NaN);
}

/** What an element stands for: float16 bits decoded. */
export function elementAt({ dtype, data }: Tensor, index: number): number {
  const stored = data[index] ?? NaN;
  return dtype === 'float16' ? float16ToNumber(stored) : stored;
}

/** A copy with some elements replaced by others. */
export function replaced(
  tensor: Tensor,
  at: (index: number) => boolean,
  by: (index: number) => number,
): Tensor {
  return fill(tensor.dtype, tensor.shape, (i) => (at(i) ? by(i) : elementAt(tensor, i)));
}

/** A copy that shares no memory. */
export function copied(tensor: Tensor): Tensor {
  return { ...tensor, data: tensor.data.slice() };
}

/** Whether two tensors hold the same bits (every NaN counts as the same). */
export function sameBits(a: Tensor, b: Tensor): boolean {
  return a.data.length === b.data.length && a.data.every((value, i) => Object.is(value, b.data[i]));
}

/** Coordinates of the element at a row-major index. */
export function coordinatesOf(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    result.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return result;
}

/** `logits float32 [2, 3], targets uint8 [2, 3]`. */
export function describeOperands(operands: Readonly<Record<string, TensorSpec>>): string {
  return Object.entries(operands)
    .map(([name, { dtype, shape }]) => `${name} ${dtype} ${formatShape(shape)}`)
    .join(', ');
}
