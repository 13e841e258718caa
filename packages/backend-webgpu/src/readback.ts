/** From device memory to the host's, through staging buffers that are kept for the next time. */
import { mapModeRead, roundUp, usage } from './buffer.js';
import type { ErrorWatch } from './errors.js';

const least = 4096;

export class Readback {
  readonly #gpu: GPUDevice;
  readonly #errors: ErrorWatch;
  readonly #idle: GPUBuffer[] = [];
  readonly #all = new Set<GPUBuffer>();

  constructor(gpu: GPUDevice, errors: ErrorWatch) {
    this.#gpu = gpu;
    this.#errors = errors;
  }

  /** Copies out a part of a buffer, after everything that was submitted before. */
  async read(source: GPUBuffer, byteOffset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const size = roundUp(bytes);
    const staging = this.#take(size);
    this.#errors.scoped('read', () => {
      const encoder = this.#gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(source, byteOffset, staging, 0, size);
      this.#gpu.queue.submit([encoder.finish()]);
    });
    let isHealthy = false;
    try {
      await this.#errors.done('read', staging.mapAsync(mapModeRead, 0, size));
      const copy = new Uint8Array(staging.getMappedRange(0, size).slice(0, bytes));
      staging.unmap();
      isHealthy = true;
      return copy;
    } finally {
      if (isHealthy) this.#idle.push(staging);
      else this.#drop(staging);
    }
  }

  dispose(): void {
    for (const buffer of this.#all) buffer.destroy();
    this.#all.clear();
    this.#idle.length = 0;
  }

  /** The smallest idle buffer that is large enough, or a new one; a larger need replaces what was kept. */
  #take(size: number): GPUBuffer {
    const found = this.#idle.findIndex((buffer) => buffer.size >= size);
    if (found >= 0) return this.#idle.splice(found, 1)[0] as GPUBuffer;
    for (const buffer of this.#idle.splice(0)) this.#drop(buffer);
    const made = this.#errors.scoped(`allocating ${size} bytes to read from`, () =>
      this.#gpu.createBuffer({ size: Math.max(least, size), usage: usage.mapRead | usage.copyDst }),
    );
    this.#all.add(made);
    return made;
  }

  #drop(buffer: GPUBuffer): void {
    this.#all.delete(buffer);
    buffer.destroy();
  }
}
