/** Buffers and kernels on one GPUDevice. */
import {
  bytesPerElement,
  sizeOf,
  type Accuracy,
  type Capabilities,
  type DataOf,
  type Device,
  type ElementAccuracy,
  type Kernel,
  type TensorSpec,
} from '@softxent/core';
import type { Plan } from '@softxent/core/plan';
import { adopted, roundUp, type WebGPUBuffer } from './buffer.js';
import { ErrorWatch } from './errors.js';
import type { Tuning } from './kernel/dispatches.js';
import { isHalfExact } from './kernel/half-probe.js';
import { areLanesInOrder } from './kernel/subgroup-probe.js';
import { WebGPUKernel, type KernelHost } from './kernel/kernel.js';
import { PipelineCache } from './kernel/pipelines.js';
import { Readback } from './readback.js';
import { createStorage } from './storage.js';
import type { SubgroupLanes } from './wgsl/combine.js';

/** What a device is made of. */
export interface DeviceParts {
  readonly gpu: GPUDevice;
  readonly description: string;
  /** Whether this backend made the GPUDevice, and so destroys it. */
  readonly isOwn: boolean;
  readonly tuning: Tuning;
}

/** softxent's device on WebGPU. Sessions use it; `gpu` is there for programs that share the GPUDevice. */
export class WebGPUDevice implements Device<WebGPUBuffer> {
  /** The GPUDevice that everything runs on. */
  readonly gpu: GPUDevice;
  readonly description: string;
  readonly capabilities: Capabilities = {
    predictions: ['float32', 'float16'],
    targets: ['float32', 'float16', 'uint8', 'int32'],
    weights: ['float32', 'float16'],
    deterministic: true,
    memory: 'device',
  };
  readonly accuracy: Accuracy;
  readonly #isOwn: boolean;
  readonly #tuning: Tuning;
  readonly #errors: ErrorWatch;
  readonly #pipelines: PipelineCache;
  readonly #readback: Readback;
  readonly #buffers = new Set<GPUBuffer>();
  readonly #kernels = new Set<WebGPUKernel>();
  #half: Promise<boolean> | undefined;
  #lanes: Promise<boolean> | undefined;

  constructor({ gpu, description, isOwn, tuning }: DeviceParts) {
    this.gpu = gpu;
    this.description = description;
    this.#isOwn = isOwn;
    this.#tuning = tuning;
    this.accuracy = accuracyOn(tuning);
    this.#errors = new ErrorWatch(gpu);
    this.#pipelines = new PipelineCache(gpu, this.#errors);
    this.#readback = new Readback(gpu, this.#errors);
  }

  async compile(plan: Plan): Promise<Kernel<WebGPUBuffer>> {
    this.#errors.check();
    if (isEmpty(plan)) return emptyKernel(plan);
    const isHalfNative = hasHalves(plan) && (await this.isHalfNative());
    const tuning = { ...this.#tuning, subgroupLanes: await this.subgroupLanes() };
    const kernel = await WebGPUKernel.compile(plan, { ...this.#host, tuning }, { isHalfNative }, () =>
      this.#kernels.delete(kernel),
    );
    this.#kernels.add(kernel);
    return kernel;
  }

  get #host(): KernelHost {
    return {
      gpu: this.gpu,
      errors: this.#errors,
      pipelines: this.#pipelines,
      readback: this.#readback,
      tuning: this.#tuning,
    };
  }

  /**
   * Whether float16 tensors are read and written as WGSL's `f16`: where the device has the feature `shader-f16` and its
   * conversions round to nearest and keep subnormals, which is probed once, when float16 is first asked for. Else they are
   * converted by integers, to the same bits.
   */
  async isHalfNative(): Promise<boolean> {
    if (!this.#tuning.hasHalf) return false;
    this.#half ??= isHalfExact(this.#host);
    try {
      return await this.#half;
    } catch (error) {
      this.#half = undefined;
      throw error;
    }
  }

  /**
   * How many threads of a workgroup pass numbers to one another without memory where they add up; 0 where they do not. It
   * is the adapter's smallest subgroup, where a probe, when a kernel is first compiled, finds threads in order in it.
   */
  async subgroupLanes(): Promise<SubgroupLanes> {
    const { subgroupLanes: lanes } = this.#tuning;
    if (lanes === 0) return 0;
    this.#lanes ??= areLanesInOrder(this.#host, lanes);
    try {
      return (await this.#lanes) ? lanes : 0;
    } catch (error) {
      this.#lanes = undefined;
      throw error;
    }
  }

  allocate(spec: TensorSpec): WebGPUBuffer {
    this.#errors.check();
    const gpu = createStorage(this.gpu, this.#errors, bytesOf(spec), `a ${spec.dtype} tensor`);
    this.#buffers.add(gpu);
    return { gpu, byteOffset: 0, byteLength: bytesOf(spec), isOwn: true };
  }

  /**
   * A tensor over a GPUBuffer (or a part of one, `{ buffer, offset }`) of this GPUDevice that somebody else owns; it needs
   * the usage STORAGE, and COPY_SRC to be downloaded from. `free` leaves it alone.
   *
   * @throws {OperandError} for what is no buffer, is too small, or lacks the usage
   */
  adopt(native: unknown, spec: TensorSpec): WebGPUBuffer {
    this.#errors.check();
    return adopted(native, roundUp(bytesOf(spec)));
  }

  /** The GPUBuffer of a tensor, and where the tensor lies in it. */
  native({ gpu, byteOffset, byteLength }: WebGPUBuffer): GPUBufferBinding {
    return { buffer: gpu, offset: byteOffset, size: byteLength };
  }

  async write(buffer: WebGPUBuffer, data: DataOf): Promise<void> {
    this.#errors.check();
    const source = writable(data);
    this.#errors.scoped('write', () =>
      this.gpu.queue.writeBuffer(buffer.gpu, buffer.byteOffset, source, 0, source.byteLength),
    );
    await this.#errors.settle();
  }

  async read(buffer: WebGPUBuffer, into: DataOf): Promise<void> {
    this.#errors.check();
    const bytes = await this.#readback.read(buffer.gpu, buffer.byteOffset, into.byteLength);
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
  }

  free(buffer: WebGPUBuffer): void {
    if (!buffer.isOwn) return;
    this.#buffers.delete(buffer.gpu);
    buffer.gpu.destroy();
  }

  async dispose(): Promise<void> {
    if (this.#errors.isDisposed) return;
    for (const kernel of this.#kernels) kernel.dispose();
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#readback.dispose();
    this.#errors.isDisposed = true;
    if (!this.#isOwn) return;
    this.gpu.destroy();
    await this.gpu.lost;
  }
}

/**
 * Elementary functions are good for 1 ulp, and so is a loss for 4 and its gradient, a longer chain of products, for 6 where
 * the basic operations round correctly, as SwiftShader's do; losses over classes, whose sums carry their errors along,
 * for 2 and 4. The quality focal loss squares a distance before it multiplies (4.4 and 4.9 seen in 8 seeds of the suite),
 * and losses of third parties may do the like. WGSL allows a division 2.5 ulp, and GPUs use that: twice as much there.
 */
function accuracyOn({ isSoftware }: Tuning): Accuracy {
  const unit = isSoftware ? 1 : 2;
  const bounds = (value: number, gradient: number): ElementAccuracy => ({
    value: { float32: value * unit },
    gradient: { float32: gradient * unit },
  });
  const [elements, classes] = [bounds(4, 6), bounds(2, 4)];
  return {
    ...bounds(6, 8),
    sum: 1e-7,
    subnormals: 'flushed',
    kinds: {
      sigmoidCrossEntropy: elements,
      binaryCrossEntropy: elements,
      softmaxCrossEntropy: classes,
      categoricalCrossEntropy: classes,
      dice: elements,
      diceSemimetric: elements,
      jaccardMetric: elements,
      tversky: elements,
    },
  };
}

function isEmpty({ layout: { outer, extent, inner } }: Plan): boolean {
  return outer * extent * inner === 0;
}

function hasHalves({ operands, outputs }: Plan): boolean {
  return [...operands, ...outputs].some(({ dtype }) => dtype === 'float16');
}

/** Sessions compile for empty tensors too, and never run the kernel. */
function emptyKernel({ totals }: Plan): Kernel<WebGPUBuffer> {
  return { run: () => totals.map(() => 0), dispose: () => undefined };
}

function bytesOf({ dtype, shape }: TensorSpec): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

/** Bytes that `writeBuffer` takes: a multiple of 4, and not of shared memory, from which Dawn crashes. */
function writable(data: DataOf): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = data;
  const isShared = typeof SharedArrayBuffer === 'function' && buffer instanceof SharedArrayBuffer;
  if (!isShared && byteLength % 4 === 0) return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  const copy = new Uint8Array(roundUp(byteLength));
  copy.set(new Uint8Array(buffer, byteOffset, byteLength));
  return copy;
}
