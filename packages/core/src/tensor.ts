import { DTypeError, ShapeError } from './errors.js';

/**
 * How an element is stored. `uint8` targets are read as n/255 (the soft label as an image stores it), `int32` targets
 * are class labels, `uint8` masks count where they are not 0. `float16` is held as its bits in a Uint16Array.
 */
export type DType = 'float64' | 'float32' | 'float16' | 'int32' | 'uint8';

interface ArrayOf {
  float64: Float64Array;
  float32: Float32Array;
  float16: Uint16Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

/** The typed array that holds elements of dtype `D`. */
export type DataOf<D extends DType = DType> = ArrayOf[D];

/** Shape (row-major, outermost dimension first) and dtype: a tensor without its data. */
export interface TensorSpec<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
}

/** A tensor in host memory: dense, row-major. */
export interface Tensor<D extends DType = DType> extends TensorSpec<D> {
  readonly data: DataOf<D>;
}

const constructors = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

const bytes = { float64: 8, float32: 4, float16: 2, int32: 4, uint8: 1 } as const;

/** Every dtype, widest float first. */
export const dtypes = Object.keys(bytes) as readonly DType[];

/** Bytes that one element takes. */
export function bytesPerElement(dtype: DType): number {
  return bytes[dtype];
}

/** Whether elements of this dtype are floating-point numbers. */
export function isFloat(dtype: DType): dtype is 'float64' | 'float32' | 'float16' {
  return dtype === 'float64' || dtype === 'float32' || dtype === 'float16';
}

/** Number of elements of a shape; 1 for the empty shape (a scalar). */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

/** `[2, 3]`, as messages show a shape. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** A new, zeroed typed array for `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): DataOf<D> {
  return new constructors[dtype](length) as DataOf<D>;
}

/** Throws {@link ShapeError} unless every dimension is a whole number >= 0. */
export function checkShape(subject: string, shape: readonly number[]): void {
  if (!Array.isArray(shape)) {
    throw new ShapeError({
      subject,
      found: `a shape of type ${typeof shape}`,
      expected: 'an array of dimensions',
    });
  }
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new ShapeError({
        subject,
        found: `shape ${formatShape(shape)}`,
        expected: 'dimensions that are whole numbers >= 0',
      });
    }
  }
  if (!Number.isSafeInteger(sizeOf(shape))) {
    throw new ShapeError({
      subject,
      found: `shape ${formatShape(shape)}`,
      expected: 'fewer than 2^53 elements',
    });
  }
}

/** Throws unless `value` is a well-formed {@link TensorSpec}. */
export function checkSpec(subject: string, value: TensorSpec): void {
  if (typeof value !== 'object' || value === null || !('shape' in value)) {
    throw new ShapeError({
      subject,
      found: describeValue(value),
      expected: 'a tensor: { dtype, shape, data }',
    });
  }
  if (!dtypes.includes(value.dtype)) {
    throw new DTypeError({
      subject,
      found: `dtype ${String(value.dtype)}`,
      expected: `one of ${dtypes.join(', ')}`,
    });
  }
  checkShape(subject, value.shape);
}

/** Throws unless `value` is a well-formed host tensor whose data fill its shape. */
export function checkTensor(subject: string, value: Tensor): void {
  checkSpec(subject, value);
  const expected = constructors[value.dtype];
  if (!isTypedArray(value.data, expected.name)) {
    throw new DTypeError({
      subject,
      found: `data of type ${describeValue(value.data)} for dtype ${value.dtype}`,
      expected: expected.name,
    });
  }
  const size = sizeOf(value.shape);
  if (value.data.length !== size) {
    throw new ShapeError({
      subject,
      found: `${value.data.length} elements for shape ${formatShape(value.shape)}`,
      expected: `${size}`,
    });
  }
}

// By tag, not instanceof: arrays that come from another realm (a worker, an iframe, a test runner) are as good.
function isTypedArray(value: unknown, name: string): boolean {
  return Object.prototype.toString.call(value) === `[object ${name}]`;
}

function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.prototype.toString.call(value).slice(8, -1);
}

const dtypeOfArray: Readonly<Record<string, DType>> = {
  Float64Array: 'float64',
  Float32Array: 'float32',
  Int32Array: 'int32',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
};

/**
 * A host tensor over existing data, without copying. The dtype follows from the array's type; half precision needs
 * {@link float16}, because a Uint16Array does not say what it holds.
 *
 * @throws {ShapeError} when the data do not fill the shape
 * @throws {DTypeError} when the array is of no supported type
 */
export function tensor(data: Float32Array, shape?: readonly number[]): Tensor<'float32'>;
export function tensor(data: Float64Array, shape?: readonly number[]): Tensor<'float64'>;
export function tensor(data: Int32Array, shape?: readonly number[]): Tensor<'int32'>;
export function tensor(data: Uint8Array | Uint8ClampedArray, shape?: readonly number[]): Tensor<'uint8'>;
export function tensor(
  data: Float32Array | Float64Array | Int32Array | Uint8Array | Uint8ClampedArray,
  shape: readonly number[] = [data.length],
): Tensor {
  const dtype = dtypeOfArray[describeValue(data)];
  if (dtype === undefined) {
    throw new DTypeError({
      subject: 'tensor',
      found: `data of type ${describeValue(data)}`,
      expected: Object.keys(dtypeOfArray).join(', '),
    });
  }
  const plain =
    describeValue(data) === 'Uint8ClampedArray'
      ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length)
      : (data as DataOf);
  const made: Tensor = { dtype, shape: [...shape], data: plain };
  checkTensor('tensor', made);
  return made;
}

/** A half-precision host tensor over IEEE 754 binary16 bit patterns, without copying. */
export function float16(bits: Uint16Array, shape: readonly number[] = [bits.length]): Tensor<'float16'> {
  const made: Tensor<'float16'> = { dtype: 'float16', shape: [...shape], data: bits };
  checkTensor('float16', made);
  return made;
}

/** Spec of a float32 tensor of this shape: `session.compile(loss, { logits: f32([8, 1, 256, 256]), ... })`. */
export const f32 = (shape: readonly number[]): TensorSpec<'float32'> => ({ dtype: 'float32', shape });
/** Spec of a float64 tensor of this shape. */
export const f64 = (shape: readonly number[]): TensorSpec<'float64'> => ({ dtype: 'float64', shape });
/** Spec of a float16 tensor of this shape. */
export const f16 = (shape: readonly number[]): TensorSpec<'float16'> => ({ dtype: 'float16', shape });
/** Spec of an int32 tensor of this shape. */
export const i32 = (shape: readonly number[]): TensorSpec<'int32'> => ({ dtype: 'int32', shape });
/** Spec of a uint8 tensor of this shape. */
export const u8 = (shape: readonly number[]): TensorSpec<'uint8'> => ({ dtype: 'uint8', shape });
