/** Small kernels that find out what WGSL leaves open. */
import { usage } from '../buffer.js';
import type { KernelHost } from './kernel.js';
import type { Use } from './pipelines.js';

/** A kernel that counts what is not as hoped for. */
export interface Probe {
  /**
   * The module. Binding 0 are the parameters (`zero` first), 1 is an atomic count in `array<atomic<u32>>`, then come the
   * buffers.
   */
  readonly text: string;
  readonly buffers: readonly {
    readonly use: Use;
    readonly bytes: number;
    readonly data?: Uint16Array<ArrayBuffer>;
  }[];
  readonly groups: number;
}

/** Runs a probe; its count. */
export async function countOf(host: KernelHost, probe: Probe): Promise<number> {
  const { gpu, errors, pipelines, readback } = host;
  const uses: readonly Use[] = ['write', ...probe.buffers.map(({ use }) => use)];
  const pipeline = await pipelines.pipeline(probe.text, uses);
  const made: GPUBuffer[] = [];
  const buffer = (size: number, bits: number): GPUBuffer => {
    const one = gpu.createBuffer({ size, usage: bits });
    made.push(one);
    return one;
  };
  try {
    const count = errors.scoped('probing the adapter', () => {
      const counted = buffer(4, usage.storage | usage.copySrc);
      const resources = [buffer(16, usage.uniform), counted];
      for (const { bytes, data } of probe.buffers) {
        const one = buffer(bytes, usage.storage | usage.copyDst);
        if (data !== undefined) gpu.queue.writeBuffer(one, 0, data);
        resources.push(one);
      }
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(
        0,
        gpu.createBindGroup({
          layout: pipelines.layout(uses),
          entries: resources.map((one, binding) => ({ binding, resource: { buffer: one } })),
        }),
      );
      pass.dispatchWorkgroups(probe.groups);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      return counted;
    });
    const bytes = await readback.read(count, 0, 4);
    return new Uint32Array(bytes.buffer)[0] as number;
  } finally {
    for (const one of made) one.destroy();
  }
}
