/** float16 results: kernels write float32, and these dispatches put two of them into each word of the result. */
import { roundUp, usage, type WebGPUBuffer } from '../buffer.js';
import { packEach, packSize, packText } from '../wgsl/pack.js';
import { alignment } from './dispatches.js';
import type { KernelHost } from './kernel.js';
import type { Use } from './pipelines.js';

const uses: readonly Use[] = ['write', 'read'];

export class HalfPacker {
  readonly #host: KernelHost;
  readonly #pipeline: GPUComputePipeline;
  /** Parameters of each part, by output: they are the same in every run. */
  readonly #params: GPUBuffer[] = [];

  static async make(host: KernelHost): Promise<HalfPacker> {
    return new HalfPacker(host, await host.pipelines.pipeline(packText(), uses));
  }

  private constructor(host: KernelHost, pipeline: GPUComputePipeline) {
    this.#host = host;
    this.#pipeline = pipeline;
  }

  /** Adds the dispatches for one result of `size` numbers. */
  encode(encoder: GPUCommandEncoder, from: GPUBuffer, to: WebGPUBuffer, size: number): void {
    const { maxBindingBytes, maxGroupsPerDimension } = this.#host.tuning;
    const words = Math.ceil(size / 2);
    const perGroup = packEach * packSize;
    const wordsAtOnce = Math.max(
      alignment,
      Math.min(
        Math.floor((maxBindingBytes - alignment) / 8 / alignment) * alignment,
        maxGroupsPerDimension * maxGroupsPerDimension * perGroup,
      ),
    );
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.#pipeline);
    for (let first = 0; first < words; first += wordsAtOnce) {
      const count = Math.min(wordsAtOnce, words - first);
      pass.setBindGroup(0, this.#bind(from, to, first, count, size - first * 2));
      const groups = Math.ceil(count / perGroup);
      const width = Math.min(groups, maxGroupsPerDimension);
      pass.dispatchWorkgroups(width, Math.ceil(groups / width));
    }
    pass.end();
  }

  dispose(): void {
    this.#release();
  }

  /** To be called before the first `encode` of a run: parameters of the run before are not needed any more. */
  restart(): void {
    this.#release();
  }

  #release(): void {
    for (const buffer of this.#params) buffer.destroy();
    this.#params.length = 0;
  }

  #bind(from: GPUBuffer, to: WebGPUBuffer, first: number, count: number, length: number): GPUBindGroup {
    const { gpu, pipelines } = this.#host;
    const begin = to.byteOffset + first * 4;
    const offset = Math.floor(begin / alignment) * alignment;
    const base = (offset - begin) / 4;
    const params = gpu.createBuffer({ size: 16, usage: usage.uniform | usage.copyDst });
    gpu.queue.writeBuffer(params, 0, new Uint32Array([0, count, length, base >>> 0]));
    this.#params.push(params);
    const numbers = Math.min(count * 2, length);
    return gpu.createBindGroup({
      layout: pipelines.layout(uses),
      entries: [
        { binding: 0, resource: { buffer: params } },
        { binding: 1, resource: { buffer: to.gpu, offset, size: begin - offset + count * 4 } },
        { binding: 2, resource: { buffer: from, offset: first * 8, size: roundUp(numbers * 4) } },
      ],
    });
  }
}
