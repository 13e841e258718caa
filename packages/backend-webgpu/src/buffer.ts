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
  /** Whether the device made it, and so destroys it. */
  readonly isOwn: boolean;
}
