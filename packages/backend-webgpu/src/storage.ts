import { CapabilityError } from '@softxent/core';
import { roundUp, usage } from './buffer.js';
import { backendName, type ErrorWatch } from './errors.js';

/** A zeroed storage buffer; errors that come late are left with the watch. */
export function createStorage(gpu: GPUDevice, errors: ErrorWatch, bytes: number, what: string): GPUBuffer {
  const size = Math.max(4, roundUp(bytes));
  if (size > gpu.limits.maxBufferSize) {
    throw new CapabilityError(
      backendName,
      `buffers of ${size} bytes`,
      `${what} needs one, and this adapter's limit is ${gpu.limits.maxBufferSize}`,
    );
  }
  return errors.scoped(`allocating ${size} bytes for ${what}`, () =>
    gpu.createBuffer({ size, usage: usage.storage | usage.copySrc | usage.copyDst }),
  );
}
