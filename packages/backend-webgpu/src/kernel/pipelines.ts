/** Compute pipelines by their text: plans that need the same kernel share it. */
import { DeviceError } from '@softxent/core';
import { backendName, messageOf, type ErrorWatch } from '../errors.js';

/** Pipelines kept at most; the oldest goes first. Kernels that hold one keep it. */
const capacity = 256;

/** How each binding after the parameters is used. */
export type Use = 'read' | 'write';

export class PipelineCache {
  readonly #gpu: GPUDevice;
  readonly #errors: ErrorWatch;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(gpu: GPUDevice, errors: ErrorWatch) {
    this.#gpu = gpu;
    this.#errors = errors;
  }

  /** The layout of binding 0 (parameters) and the storage buffers after it. */
  layout(uses: readonly Use[]): GPUBindGroupLayout {
    const key = uses.join();
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const compute = 0x4;
    const storage = uses.map((use, k) => ({
      binding: k + 1,
      visibility: compute,
      buffer: { type: use === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
    }));
    const made = this.#gpu.createBindGroupLayout({
      entries: [{ binding: 0, visibility: compute, buffer: { type: 'uniform' } }, ...storage],
    });
    this.#layouts.set(key, made);
    return made;
  }

  async pipeline(code: string, uses: readonly Use[]): Promise<GPUComputePipeline> {
    const key = `${uses.join()}\n${code}`;
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const made = this.#make(code, uses);
    this.#pipelines.set(key, made);
    if (this.#pipelines.size > capacity) {
      const [oldest] = this.#pipelines.keys();
      if (oldest !== undefined) this.#pipelines.delete(oldest);
    }
    try {
      return await made;
    } catch (error) {
      this.#pipelines.delete(key);
      throw error;
    }
  }

  async #make(code: string, uses: readonly Use[]): Promise<GPUComputePipeline> {
    const { module, layout } = this.#errors.scoped('compiling a kernel', () => ({
      module: this.#gpu.createShaderModule({ code }),
      layout: this.#gpu.createPipelineLayout({ bindGroupLayouts: [this.layout(uses)] }),
    }));
    try {
      return await this.#errors.done(
        'compiling a kernel',
        this.#gpu.createComputePipelineAsync({ layout, compute: { module, entryPoint: 'main' } }),
      );
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      const { messages } = await module.getCompilationInfo();
      const details = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join('; ');
      throw new DeviceError(
        backendName,
        details === '' ? messageOf(error) : `compiling a kernel: ${details}`,
        {
          cause: error,
        },
      );
    }
  }
}
