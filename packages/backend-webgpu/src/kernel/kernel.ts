/** A compiled plan: pipelines, the buffers they need beside the tensors, and the order of dispatches. */
import { DisposedError, type Bindings as Bound, type Kernel } from '@softxent/core';
import { sumOf, type Plan } from '@softxent/core/plan';
import { roundUp, usage, type WebGPUBuffer } from '../buffer.js';
import type { ErrorWatch } from '../errors.js';
import { createStorage } from '../storage.js';
import type { Readback } from '../readback.js';
import { kernelText } from '../wgsl/kernel.js';
import {
  Bindings,
  paramFields,
  type BindingOptions,
  type InputBinding,
  type OutputBinding,
} from './bindings.js';
import {
  alignment,
  planDispatches,
  windowOf,
  type Dispatches,
  type Step,
  type Tuning,
} from './dispatches.js';
import { HalfPacker } from './half.js';
import { Passes } from './passes.js';
import type { PipelineCache, Use } from './pipelines.js';

/** What a kernel needs of its device. */
export interface KernelHost {
  readonly gpu: GPUDevice;
  readonly errors: ErrorWatch;
  readonly pipelines: PipelineCache;
  readonly readback: Readback;
  readonly tuning: Tuning;
}

/** A binding's part of a buffer, and the index of the element that it starts at. */
interface Window {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
  readonly base: number;
}

/** Parameters of each dispatch lie this far apart. */
const stride = 256;

export class WebGPUKernel implements Kernel<WebGPUBuffer> {
  readonly #plan: Plan;
  readonly #host: KernelHost;
  readonly #passes: Passes;
  readonly #bindings: Bindings;
  readonly #dispatches: Dispatches;
  readonly #pipelines: readonly GPUComputePipeline[];
  readonly #uses: readonly Use[];
  readonly #scratch: GPUBuffer;
  readonly #params: GPUBuffer;
  readonly #packer: HalfPacker | undefined;
  /** Results that cannot be written where they belong: packed halves, or a tensor that is read in the same run. */
  readonly #temporary = new Map<string, GPUBuffer>();
  readonly #onDispose: () => void;
  /** Bind groups of the last run, which are those of the next one when the tensors are the same. */
  #last:
    | {
        readonly key: readonly unknown[];
        readonly groups: readonly GPUBindGroup[];
        readonly params: ArrayBuffer;
      }
    | undefined;
  #isDisposed = false;

  static async compile(
    plan: Plan,
    host: KernelHost,
    options: BindingOptions,
    onDispose: () => void,
  ): Promise<WebGPUKernel> {
    const passes = new Passes(plan);
    const bindings = new Bindings(plan, options);
    const dispatches = planDispatches(passes, bindings, host.tuning);
    const uses: Use[] = [
      'write',
      ...bindings.inputs.map(() => 'read' as const),
      ...bindings.outputs.map(() => 'write' as const),
    ];
    const texts = dispatches.shapes.map((shape) => kernelText(passes, bindings, shape));
    const pipelines = await Promise.all(texts.map((text) => host.pipelines.pipeline(text, uses)));
    const packer = bindings.outputs.some(isPacked) ? await HalfPacker.make(host) : undefined;
    const kernel = new WebGPUKernel({
      plan,
      host,
      passes,
      bindings,
      dispatches,
      pipelines,
      uses,
      packer,
      onDispose,
    });
    await host.errors.settle();
    return kernel;
  }

  private constructor(parts: {
    plan: Plan;
    host: KernelHost;
    passes: Passes;
    bindings: Bindings;
    dispatches: Dispatches;
    pipelines: readonly GPUComputePipeline[];
    uses: readonly Use[];
    packer: HalfPacker | undefined;
    onDispose: () => void;
  }) {
    this.#plan = parts.plan;
    this.#host = parts.host;
    this.#passes = parts.passes;
    this.#bindings = parts.bindings;
    this.#dispatches = parts.dispatches;
    this.#pipelines = parts.pipelines;
    this.#uses = parts.uses;
    this.#packer = parts.packer;
    this.#onDispose = parts.onDispose;
    const { gpu, errors } = this.#host;
    const { partialsBase, partialsLength, steps } = this.#dispatches;
    this.#scratch = createStorage(gpu, errors, (partialsBase + partialsLength) * 4, 'partial results');
    this.#params = errors.scoped('allocating parameters', () =>
      gpu.createBuffer({ size: steps.length * stride, usage: usage.uniform | usage.copyDst }),
    );
    for (const { offset, values } of this.#bindings.constants.values()) {
      gpu.queue.writeBuffer(this.#scratch, offset * 4, new Float32Array(values));
    }
  }

  async run({ operands, outputs, scale }: Bound<WebGPUBuffer>): Promise<readonly number[]> {
    if (this.#isDisposed) throw new DisposedError('the kernel');
    const { gpu, errors, readback } = this.#host;
    errors.check();
    const { partialsBase, partialsLength } = this.#dispatches;
    errors.scoped('run', () => {
      const targets = this.#writableOutputs(operands, outputs);
      const groups = this.#bind(operands, targets, scale);
      const encoder = gpu.createCommandEncoder();
      this.#keepLastWords(encoder, targets, outputs);
      const pass = encoder.beginComputePass();
      for (const [k, step] of this.#dispatches.steps.entries()) {
        pass.setPipeline(this.#pipelines[step.kernel] as GPUComputePipeline);
        pass.setBindGroup(0, groups[k] as GPUBindGroup);
        const width = Math.min(step.units, this.#host.tuning.maxGroupsPerDimension);
        pass.dispatchWorkgroups(width, Math.ceil(step.units / width));
      }
      pass.end();
      this.#deliver(encoder, targets, outputs);
      gpu.queue.submit([encoder.finish()]);
    });
    if (partialsLength === 0) {
      await errors.settle();
      return [];
    }
    const bytes = await readback.read(this.#scratch, partialsBase * 4, partialsLength * 4);
    const partials = new Float32Array(bytes.buffer);
    const count = this.#plan.totals.length;
    return this.#plan.totals.map((_, k) => {
      const errorsLost = sumOf(partials, 2 * k + 1, partials.length, 2 * count);
      return sumOf(partials, 2 * k, partials.length, 2 * count) + errorsLost;
    });
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#scratch.destroy();
    this.#params.destroy();
    for (const buffer of this.#temporary.values()) buffer.destroy();
    this.#temporary.clear();
    this.#packer?.dispose();
    this.#last = undefined;
    this.#onDispose();
  }

  /** Where kernels write each output: its own buffer, or one beside it. */
  #writableOutputs(
    operands: Readonly<Record<string, WebGPUBuffer>>,
    outputs: Readonly<Record<string, WebGPUBuffer>>,
  ): ReadonlyMap<string, WebGPUBuffer> {
    const taken = new Set(this.#bindings.inputs.map(({ name }) => operands[name]?.gpu));
    const targets = new Map<string, WebGPUBuffer>();
    for (const output of this.#bindings.outputs) {
      const own = outputs[output.name] as WebGPUBuffer;
      // WebGPU refuses a dispatch that writes a buffer which it binds twice.
      const isDirect = !isPacked(output) && !taken.has(own.gpu);
      taken.add(own.gpu);
      targets.set(output.name, isDirect ? own : this.#temporaryFor(output));
    }
    return targets;
  }

  #temporaryFor({ name, size, bytes }: OutputBinding): WebGPUBuffer {
    const byteLength = size * bytes;
    let gpu = this.#temporary.get(name);
    if (gpu === undefined) {
      gpu = createStorage(this.#host.gpu, this.#host.errors, byteLength, `output ${name}`);
      this.#temporary.set(name, gpu);
    }
    return { gpu, byteOffset: 0, byteLength, isOwn: true };
  }

  /** Copies are of whole words, and the other half of the last one is not ours: it comes back as it was. */
  #keepLastWords(
    encoder: GPUCommandEncoder,
    targets: ReadonlyMap<string, WebGPUBuffer>,
    outputs: Readonly<Record<string, WebGPUBuffer>>,
  ): void {
    for (const output of this.#bindings.outputs) {
      const from = targets.get(output.name) as WebGPUBuffer;
      const to = outputs[output.name] as WebGPUBuffer;
      if (from === to || isPacked(output) || from.byteLength % 4 === 0) continue;
      const at = from.byteLength - 2;
      encoder.copyBufferToBuffer(to.gpu, to.byteOffset + at, from.gpu, at, 4);
    }
  }

  #deliver(
    encoder: GPUCommandEncoder,
    targets: ReadonlyMap<string, WebGPUBuffer>,
    outputs: Readonly<Record<string, WebGPUBuffer>>,
  ): void {
    this.#packer?.restart();
    for (const output of this.#bindings.outputs) {
      const from = targets.get(output.name) as WebGPUBuffer;
      const to = outputs[output.name] as WebGPUBuffer;
      if (from === to) continue;
      if (isPacked(output)) this.#packer?.encode(encoder, from.gpu, to, output.size);
      else encoder.copyBufferToBuffer(from.gpu, 0, to.gpu, to.byteOffset, roundUp(from.byteLength));
    }
  }

  /** Bind groups and parameters of every dispatch. */
  #bind(
    operands: Readonly<Record<string, WebGPUBuffer>>,
    targets: ReadonlyMap<string, WebGPUBuffer>,
    scale: number,
  ): readonly GPUBindGroup[] {
    const { gpu } = this.#host;
    const places: readonly [InputBinding | OutputBinding, WebGPUBuffer][] = [
      ...this.#bindings.inputs.map((input) => [input, operands[input.name]] as [InputBinding, WebGPUBuffer]),
      ...this.#bindings.outputs.map(
        (output) => [output, targets.get(output.name)] as [OutputBinding, WebGPUBuffer],
      ),
    ];
    const key = places.flatMap(([, { gpu: buffer, byteOffset }]) => [buffer, byteOffset]);
    const last = this.#last;
    let made = last !== undefined && last.key.every((part, k) => part === key[k]) ? last : undefined;
    if (made === undefined) {
      const params = new ArrayBuffer(this.#dispatches.steps.length * stride);
      const layout = this.#host.pipelines.layout(this.#uses);
      const groups = this.#dispatches.steps.map((step, k) => {
        const windows = places.map(([binding, buffer]) => this.#window(step, binding, buffer));
        this.#fill(new DataView(params, k * stride, stride), step, windows);
        return gpu.createBindGroup({
          layout,
          entries: [
            { binding: 0, resource: { buffer: this.#params, offset: k * stride, size: stride } },
            { binding: 1, resource: { buffer: this.#scratch } },
            ...windows.map(({ buffer, offset, size }, n) => ({
              binding: n + 2,
              resource: { buffer, offset, size },
            })),
          ],
        });
      });
      made = { key, groups, params };
      this.#last = made;
    }
    for (let k = 0; k < this.#dispatches.steps.length; k++) {
      new DataView(made.params).setFloat32(k * stride + 4, scale, true);
    }
    gpu.queue.writeBuffer(this.#params, 0, made.params);
    return made.groups;
  }

  #window(step: Step, binding: InputBinding | OutputBinding, buffer: WebGPUBuffer): Window {
    const { from, to } = windowOf(this.#passes, binding, step.range);
    const { bytes } = binding;
    const begin = buffer.byteOffset + from * bytes;
    const offset = Math.floor(begin / alignment) * alignment;
    const size = roundUp(buffer.byteOffset + to * bytes) - offset;
    return { buffer: buffer.gpu, offset, size, base: (offset - buffer.byteOffset) / bytes };
  }

  #fill(view: DataView, step: Step, windows: readonly Window[]): void {
    const { range } = step;
    const values: Record<string, number> = {
      zero: 0,
      scale: 0,
      rows: step.rows,
      units: step.units,
      unitsPerSlot: step.unitsPerSlot,
      slots: step.slots,
      o0: range.o0,
      i0: range.i0,
      iCount: range.i1 - range.i0,
      e0: range.e0,
      e1: range.e1,
      chunk: step.chunk,
      first: step.first ? 1 : 0,
      stateBase: this.#dispatches.stateBase,
      partialBase: step.partialBase,
    };
    for (const [n, { base }] of windows.entries()) values[`base${n + 2}`] = base;
    for (const [n, field] of paramFields(this.#bindings).entries()) {
      // A window may start before a tensor inside a larger buffer: indices wrap around as they are subtracted.
      view.setUint32(n * 4, (values[field] ?? 0) >>> 0, true);
    }
  }
}

/** Halves that kernels write as float32, for lack of a type. */
function isPacked({ dtype, stored }: OutputBinding): boolean {
  return dtype === 'float16' && stored === 'f32';
}
