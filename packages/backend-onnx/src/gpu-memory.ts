import { bytesPerElement, sizeOf, type DataOf, type TensorSpec } from '@softxent/core';
import type { Memory } from './memory.js';

/** The part of WebGPU's GPUBuffer that is used; the standard's own declarations are not everywhere. */
export interface GpuBuffer {
  readonly size: number;
  destroy(): void;
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
}

interface GpuEncoder {
  copyBufferToBuffer(
    from: GpuBuffer,
    fromOffset: number,
    to: GpuBuffer,
    toOffset: number,
    size: number,
  ): void;
  finish(): object;
}

/** The part of WebGPU's GPUDevice that is used. */
export interface GpuDevice {
  createBuffer(descriptor: { size: number; usage: number }): GpuBuffer;
  createCommandEncoder(): GpuEncoder;
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array<ArrayBuffer>): void;
    submit(commands: readonly object[]): void;
  };
}

// GPUBufferUsage and GPUMapMode, by their values in the standard.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;
const READ = 0x1;

/** ONNX Runtime binds buffers in multiples of this many bytes. */
const ALIGNMENT = 16;

function paddedBytes({ dtype, shape }: TensorSpec): number {
  return Math.max(1, Math.ceil((sizeOf(shape) * bytesPerElement(dtype)) / ALIGNMENT)) * ALIGNMENT;
}

/** The array's bytes, filled up to whole words and out of shared memory, as `writeBuffer` wants them. */
function words(data: DataOf): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0 && bytes.buffer instanceof ArrayBuffer) return bytes as Uint8Array<ArrayBuffer>;
  const filled = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  filled.set(bytes);
  return filled;
}

/** Memory of the GPU on which ONNX Runtime's WebGPU provider computes: operands and results stay there between runs. */
export function gpuMemory(device: GpuDevice): Memory<GpuBuffer> {
  return {
    kind: 'device',
    // New WebGPU buffers hold zeros.
    allocate: (spec) =>
      device.createBuffer({ size: paddedBytes(spec), usage: STORAGE | COPY_SRC | COPY_DST }),
    write: (buffer, data) => device.queue.writeBuffer(buffer, 0, words(data)),
    async read(buffer, into, spec) {
      const size = paddedBytes(spec);
      const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
      try {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(READ);
        const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
        bytes.set(new Uint8Array(staging.getMappedRange(), 0, into.byteLength));
        staging.unmap();
      } finally {
        staging.destroy();
      }
    },
    free: (buffer) => buffer.destroy(),
    input: (gpuBuffer, dtype, shape) => ({ dtype, shape, gpuBuffer }),
    place: (gpuBuffer, dtype, shape) => ({ dtype, shape, gpuBuffer }),
    take() {
      throw new TypeError('a graph wrote a result to the host that belongs on the GPU');
    },
  };
}
