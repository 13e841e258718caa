import { allocate, sizeOf, type DataOf, type Tensor, type TensorSpec } from '@softxent/core';
import type { TensorData } from './graph/index.js';
import type { GpuTensor, HostTensor } from './runtime/index.js';

/** A buffer of an ONNX device that computes from host memory, which ONNX Runtime reads in place. */
export interface HostBuffer {
  data: DataOf;
  /** Whether the memory belongs to somebody else, so that results must be copied into it. */
  readonly borrowed: boolean;
}

/** Where a device's tensors live: in host memory, or on the GPU. The part of a device that knows it. */
export interface Memory<Buffer> {
  readonly kind: 'host' | 'device';
  allocate(spec: TensorSpec): Buffer;
  write(buffer: Buffer, data: DataOf, spec: TensorSpec): void;
  read(buffer: Buffer, into: DataOf, spec: TensorSpec): void | Promise<void>;
  free(buffer: Buffer): void;
  readonly borrow?: (tensor: Tensor) => Buffer;
  readonly view?: (buffer: Buffer) => DataOf;
  /** The buffer as an input of a graph. */
  input(buffer: Buffer, dtype: HostTensor['dtype'], shape: readonly number[]): HostTensor | GpuTensor;
  /** The buffer as the place of a graph's output; undefined where ONNX Runtime makes a new one. */
  place(buffer: Buffer, dtype: HostTensor['dtype'], shape: readonly number[]): GpuTensor | undefined;
  /** Takes an output that ONNX Runtime made. */
  take(buffer: Buffer, data: DataOf): void;
}

/** Host memory. */
export const hostMemory: Memory<HostBuffer> = {
  kind: 'host',
  allocate: (spec) => ({ data: allocate(spec.dtype, sizeOf(spec.shape)), borrowed: false }),
  write: (buffer, data) => buffer.data.set(data),
  read: (buffer, into) => into.set(buffer.data),
  free(buffer) {
    buffer.data = new Uint8Array(0);
  },
  // A SharedArrayBuffer, which ONNX Runtime refuses, is copied for each run.
  borrow: (tensor) => ({ data: tensor.data, borrowed: true }),
  view: (buffer) => buffer.data,
  input: (buffer, dtype, shape) => ({ dtype, shape, data: buffer.data as TensorData }) as HostTensor,
  place: () => undefined,
  take(buffer, data) {
    if (buffer.borrowed) buffer.data.set(data);
    // The array that ONNX Runtime made becomes the buffer's own: one copy less.
    else buffer.data = data;
  },
};
