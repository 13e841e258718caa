/** For the report and for work on kernels: losses timed beside a copy, in turn, in one run. */
import type { DType, Loss, OperandSpecs } from '@softxent/core';
import { makePlan } from '@softxent/core/plan';
import { mapModeRead, usage, type WebGPUBuffer } from '../buffer.js';
import type { WebGPUDevice } from '../device.js';

/** What is timed. */
export interface Contestant {
  readonly name: string;
  /** Bytes that have to be moved: operands read once, results written once. */
  readonly bytes: number;
  /** Runs so many times, one after the other, and waits once. */
  readonly run: (times: number) => Promise<unknown>;
  dispose(): void;
}

/** What came out: the best of all rounds. */
export interface Timing {
  readonly name: string;
  readonly milliseconds: number;
  /** 1e9 bytes a second. */
  readonly rate: number;
}

const stored = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array, int32: Int32Array } as const;

function filled(device: WebGPUDevice, name: string, dtype: DType, shape: readonly number[]): WebGPUBuffer {
  const buffer = device.allocate({ dtype, shape });
  const size = shape.reduce((product, length) => product * length, 1);
  const data = new stored[dtype as keyof typeof stored](size);
  // Half precision: 0.5 to 1 by their bits, with a sign for logits.
  const ofHalf = (i: number): number => 0x3800 + (i % 1024) + (name === 'logits' ? (i & 1) << 15 : 0);
  const of: Readonly<Record<string, (i: number) => number>> = {
    logits: (i) => ((i * 7919) % 16_001) / 1000 - 8,
    targets: (i) => (i % 97) / 97,
  };
  for (let i = 0; i < size; i++) {
    data[i] = dtype === 'float16' ? ofHalf(i) : dtype === 'float32' ? (of[name]?.(i) ?? 1) : (i * 31) % 256;
  }
  device.gpu.queue.writeBuffer(buffer.gpu, 0, data.buffer, 0, Math.floor(data.byteLength / 4) * 4);
  return buffer;
}

/** Value and gradient by the prediction, on tensors that are on the device. */
export async function lossContestant(
  device: WebGPUDevice,
  name: string,
  loss: Loss,
  specs: OperandSpecs,
): Promise<Contestant> {
  const { plan } = makePlan(loss, specs, { gradients: ['logits'] });
  const kernel = await device.compile(plan);
  const operands: Record<string, WebGPUBuffer> = {};
  const outputs: Record<string, WebGPUBuffer> = {};
  for (const [operand, spec] of Object.entries(specs)) {
    if (spec !== undefined) operands[operand] = filled(device, operand, spec.dtype, spec.shape);
  }
  for (const output of plan.outputs) outputs[output.name] = device.allocate(output);
  const all = [...Object.values(operands), ...Object.values(outputs)];
  return {
    name,
    bytes: all.reduce((sum, { byteLength }) => sum + byteLength, 0),
    // The queue does runs in order, so one kernel may have several under way where results stay on the device.
    run: (times) =>
      Promise.all(Array.from({ length: times }, async () => kernel.run({ operands, outputs, scale: 1 }))),
    dispose() {
      kernel.dispose();
      for (const buffer of all) device.free(buffer);
    },
  };
}

/** What the memory gives: the faster of a kernel that copies vectors of four, and the queue's own copy. */
export async function copyContestants({ gpu }: WebGPUDevice, bytes: number): Promise<Contestant[]> {
  const words = Math.floor(bytes / 32);
  const uses = usage.storage | usage.copySrc | usage.copyDst;
  const [from, to] = [0, 1].map(() => gpu.createBuffer({ size: words * 16, usage: uses })) as [
    GPUBuffer,
    GPUBuffer,
  ];
  const staging = gpu.createBuffer({ size: 16, usage: usage.mapRead | usage.copyDst });
  const each = 16;
  const width = 4096;
  const code = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sink: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = id.y * ${width}u + id.x;
  for (var k = 0u; k < ${each}u; k++) {
    let j = (unit * ${each}u + k) * 64u + lane;
    if (j < ${words}u) { sink[j] = source[j]; }
  }
}`;
  const pipeline = await gpu.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: gpu.createShaderModule({ code }), entryPoint: 'main' },
  });
  const group = gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [from, to].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  // The host waits for 16 bytes, as it does for a loss's totals.
  const timed = async (times: number, encode: (encoder: GPUCommandEncoder) => void): Promise<void> => {
    const encoder = gpu.createCommandEncoder();
    for (let k = 0; k < times; k++) encode(encoder);
    encoder.copyBufferToBuffer(to, 0, staging, 0, 16);
    gpu.queue.submit([encoder.finish()]);
    await staging.mapAsync(mapModeRead);
    staging.unmap();
  };
  const groups = Math.ceil(words / each / 64);
  return [
    {
      name: 'copy by a kernel',
      bytes: words * 32,
      run: (times) =>
        timed(times, (encoder) => {
          const pass = encoder.beginComputePass();
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, group);
          pass.dispatchWorkgroups(Math.min(groups, width), Math.ceil(groups / width));
          pass.end();
        }),
      dispose: () => undefined,
    },
    {
      name: 'copy by the queue',
      bytes: words * 32,
      run: (times) => timed(times, (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, words * 16)),
      dispose: () => {
        for (const buffer of [from, to, staging]) buffer.destroy();
      },
    },
  ];
}

/** Runs all in turn until the time is over, three rounds at least, and takes the best of each. */
export async function race(
  contestants: readonly Contestant[],
  { seconds, times = 1 }: { readonly seconds: number; readonly times?: number },
): Promise<Timing[]> {
  const best = contestants.map(() => Infinity);
  for (const contestant of contestants) await contestant.run(1);
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const [k, contestant] of contestants.entries()) {
      const start = performance.now();
      await contestant.run(times);
      best[k] = Math.min(best[k] as number, (performance.now() - start) / times);
    }
  }
  return contestants.map(({ name, bytes }, k) => {
    const milliseconds = best[k] as number;
    return { name, milliseconds, rate: bytes / milliseconds / 1e6 };
  });
}
