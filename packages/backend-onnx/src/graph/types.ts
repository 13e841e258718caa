import { SoftxentError, numberToFloat16 } from '@softxent/core';

/** Element types that graphs are built from. */
export type GraphDType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'uint8' | 'bool';

/** A size known at build time, the name of one that is known when the graph runs, or `null` where nothing is known. */
export type Dim = number | string | null;

/** Sizes per axis, or `null` where not even the rank is known. */
export type Shape = readonly Dim[] | null;

/**
 * Raw elements: float16 as its bits in a Uint16Array, bool as 0 or 1 in a Uint8Array.
 * None of them may lie on a SharedArrayBuffer.
 */
export type TensorData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** Elements by dtype. */
export interface DataOf {
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
  float16: Uint16Array<ArrayBuffer>;
  int64: BigInt64Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  bool: Uint8Array<ArrayBuffer>;
}

/** Bytes per element. */
export const BYTES: Readonly<Record<GraphDType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int64: 8,
  int32: 4,
  uint8: 1,
  bool: 1,
};

/** A graph that cannot be built: `code` is `GRAPH`, the message names the node or value. */
export class GraphError extends SoftxentError {
  constructor(message: string) {
    super('GRAPH', message);
  }
}

function isRaw(dtype: GraphDType, data: ArrayLike<number | bigint | boolean>): data is TensorData {
  switch (dtype) {
    case 'float32':
      return data instanceof Float32Array;
    case 'float64':
      return data instanceof Float64Array;
    case 'float16':
      return data instanceof Uint16Array;
    case 'int64':
      return data instanceof BigInt64Array;
    case 'int32':
      return data instanceof Int32Array;
    case 'uint8':
    case 'bool':
      return data instanceof Uint8Array;
  }
}

/**
 * Elements as stored: typed arrays of the right type as they are (not copied; float16 as bits), anything else converted
 * with the rounding of the dtype.
 */
export function toData(dtype: GraphDType, data: ArrayLike<number | bigint | boolean>): TensorData {
  if (isRaw(dtype, data)) return data;
  const numbers = (): Iterable<number> & number[] => Array.from(data, Number);
  switch (dtype) {
    case 'float32':
      return Float32Array.from(numbers());
    case 'float64':
      return Float64Array.from(numbers());
    case 'float16':
      return Uint16Array.from(numbers(), numberToFloat16);
    case 'int64':
      return BigInt64Array.from(Array.from(data, (value) => BigInt(value)));
    case 'int32':
      return Int32Array.from(numbers());
    case 'uint8':
      return Uint8Array.from(numbers());
    case 'bool':
      return Uint8Array.from(Array.from(data, (value) => (value ? 1 : 0)));
  }
}

/** The elements' bytes, little-endian, on the same memory. */
export function bytesOf(data: TensorData): Uint8Array<ArrayBuffer> {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** How many elements a shape of known sizes holds. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
