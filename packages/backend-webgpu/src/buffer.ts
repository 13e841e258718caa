import { OperandError } from '@softxent/core';

/** Buffers as sessions hold them: a GPUBuffer, or a part of one that somebody else owns. */

// Bits of GPUBufferUsage and GPUMapMode, by the WebGPU standard: Node has no globals of these names.
export const usage = {
  mapRead: 0x1,
  copySrc: 0x4,
  copyDst: 0x8,
  uniform: 0x40,
  storage: 0x80,
} as const;
export const mapModeRead = 1;

/** Buffers are copied, and bound, in multiples of 4 bytes. */
export const roundUp = (bytes: number, multiple = 4): number => Math.ceil(bytes / multiple) * multiple;

/** A tensor's memory on the device. */
export interface WebGPUBuffer {
  readonly gpu: GPUBuffer;
  /** Where the tensor begins, in bytes; a multiple of 4. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Whether the device made it, and so destroys it. */
  readonly isOwn: boolean;
}

/** Somebody else's buffer, checked. */
export function adopted(native: unknown, byteLength: number): WebGPUBuffer {
  const { buffer: gpu, offset = 0 } = isBuffer(native) ? { buffer: native } : (native as GPUBufferBinding);
  const refuse = (found: string, expected: string): OperandError =>
    new OperandError({ subject: 'adopted buffer', found, expected });
  if (!isBuffer(gpu)) throw refuse(String(native), 'a GPUBuffer, or { buffer, offset }');
  if (offset % 4 !== 0) throw refuse(`offset ${offset}`, 'a multiple of 4');
  if (gpu.size < offset + byteLength) {
    throw refuse(`${gpu.size} bytes`, `at least ${offset + byteLength}, rounded up to a multiple of 4`);
  }
  if ((gpu.usage & usage.storage) === 0) throw refuse(`usage ${gpu.usage}`, 'STORAGE among its usages');
  return { gpu, byteOffset: offset, byteLength, isOwn: false };
}

// By its shape: there is no GPUBuffer class in Node's globals to compare with.
function isBuffer(value: unknown): value is GPUBuffer {
  const { size, usage: uses, mapAsync } = (value ?? {}) as Partial<GPUBuffer>;
  return typeof size === 'number' && typeof uses === 'number' && typeof mapAsync === 'function';
}
