import {
  bytesPerElement,
  CapabilityError,
  DisposedError,
  sizeOf,
  type Accuracy,
  type Capabilities,
  type DataOf,
  type Device,
  type SyncDevice,
  type Tensor,
  type TensorSpec,
} from '@softxent/core';
import type { Plan } from '@softxent/core/plan';
import { WasmKernel, type KernelHost, type WasmBuffer } from './kernel.js';
import { maximumPages, type Heap, type Piece } from './memory/heap.js';
import { renderKernel, type KernelImage } from './render/kernel.js';
import type { Pool, RunBlocks } from './threads/pool.js';

/** How a device was set up. */
export interface DeviceSetup {
  readonly name: string;
  readonly description: string;
  readonly heap: Heap;
  readonly shared: boolean;
  readonly relaxed: boolean;
  readonly pool: Pool | undefined;
}

interface Owned extends WasmBuffer {
  readonly piece: Piece;
}

const arrays = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

// Gradients of sigmoid cross-entropy stay within 3 ulp before they are multiplied by weights and by the factor of all
// gradients, which is rounded to float32. Most is needed by the quality focal loss, a product of several terms. Kinds that
// need less: half as much again as the worst of 16 seeds of the conformance suite, but 4 for values of sigmoid losses and 6
// for gradients of sigmoid cross-entropy (5.2 seen), which are bounds of their terms.
const region = { value: { float32: 4 }, gradient: { float32: 5 } };
const accuracy: Accuracy = {
  value: { float32: 4 },
  gradient: { float32: 8 },
  kinds: {
    sigmoidCrossEntropy: { gradient: { float32: 6 } },
    softmaxCrossEntropy: { value: { float32: 2 }, gradient: { float32: 4 } },
    categoricalCrossEntropy: { value: { float32: 2 }, gradient: { float32: 3 } },
    dice: region,
    diceSemimetric: region,
    jaccardMetric: region,
    tversky: region,
  },
  // Float32 sums of at most 32 vectors, then float64.
  sum: 1e-6,
  subnormals: 'flushed',
};

/** Blocks, at least, for which the workers are woken. */
const leastBlocks = 3;

/** What both kinds of device share. */
abstract class WasmDeviceBase implements KernelHost {
  readonly name: string;
  readonly description: string;
  readonly capabilities: Capabilities;
  readonly accuracy = accuracy;
  protected readonly pool: Pool | undefined;
  readonly #target: { readonly relaxed: boolean; readonly shared: boolean };
  /** Dropped by disposal: engines free a memory once nothing refers to it. */
  #heap: Heap | undefined;
  readonly #kernels = new Set<WasmKernel>();
  #scratch: Piece | undefined;
  #nextId = 1;

  constructor(setup: DeviceSetup) {
    this.pool = setup.pool;
    this.#target = { relaxed: setup.relaxed, shared: setup.shared };
    this.#heap = setup.heap;
    this.name = setup.name;
    this.description = setup.description;
    this.capabilities = {
      predictions: ['float32', 'float16'],
      targets: ['float32', 'float16', 'uint8', 'int32'],
      weights: ['float32', 'float16'],
      deterministic: true,
      memory: 'host',
      threads: setup.pool?.threads ?? 1,
    };
  }

  get heap(): Heap {
    if (this.#heap === undefined) throw new DisposedError('the WebAssembly device');
    return this.#heap;
  }

  allocate(spec: TensorSpec): Owned {
    const piece = this.heap.allocate(sizeOf(spec.shape) * bytesPerElement(spec.dtype));
    return { address: piece.address, piece };
  }

  write(buffer: WasmBuffer, data: DataOf, spec: TensorSpec): void {
    this.view(buffer, spec).set(data);
  }

  read(buffer: WasmBuffer, into: DataOf, spec: TensorSpec): void {
    into.set(this.view(buffer, spec));
  }

  free(buffer: WasmBuffer): void {
    this.#heap?.free((buffer as Owned).piece);
  }

  /** Host tensors that are views of this memory are used where they are. */
  borrow({ data }: Tensor): WasmBuffer | undefined {
    return this.heap.holds(data.buffer) ? { address: data.byteOffset } : undefined;
  }

  view(buffer: WasmBuffer, spec: TensorSpec): DataOf {
    return new arrays[spec.dtype](this.heap.buffer as ArrayBuffer, buffer.address, sizeOf(spec.shape));
  }

  dispatch(kernel: WasmKernel, args: number, blocks: number): void {
    const { pool } = this;
    const threads = pool?.threads ?? 1;
    const scratchBytes = Math.ceil(kernel.scratchBytes / 64) * 64 + 64;
    const scratch = this.#scratchOf(scratchBytes * threads);
    if (pool === undefined || blocks < leastBlocks) {
      kernel.exported(args, scratch, 0, blocks);
      return;
    }
    pool.run({ kernel: kernel.id, run: kernel.exported, args, scratch, scratchBytes, blocks });
  }

  release(kernel: WasmKernel): void {
    this.#kernels.delete(kernel);
    this.pool?.dropKernel(kernel.id);
    for (const piece of kernel.pieces) this.#heap?.free(piece);
  }

  dispose(): void {
    this.pool?.dispose();
    this.#kernels.clear();
    this.#heap = undefined;
  }

  protected render(plan: Plan): KernelImage {
    this.#check(plan);
    const { relaxed, shared } = this.#target;
    return renderKernel(plan, { relaxed }, { shared, maximumPages });
  }

  protected nextId(): number {
    return this.#nextId++;
  }

  protected instantiate(id: number, plan: Plan, image: KernelImage, module: WebAssembly.Module): WasmKernel {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.heap.memory } });
    const kernel = new WasmKernel(id, plan, image, exports['run'] as RunBlocks, this);
    this.#kernels.add(kernel);
    return kernel;
  }

  #scratchOf(bytes: number): number {
    if (this.#scratch === undefined || this.#scratch.bytes < bytes) {
      if (this.#scratch !== undefined) this.heap.free(this.#scratch);
      this.#scratch = undefined;
      this.#scratch = this.heap.allocate(bytes);
    }
    return this.#scratch.address;
  }

  #check(plan: Plan): void {
    const { predictions, targets } = this.capabilities;
    const allowed = new Set([...predictions, ...targets]);
    for (const { name, dtype } of [...plan.operands, ...plan.outputs]) {
      if (!(name in plan.constants) && !allowed.has(dtype)) {
        throw new CapabilityError(
          this.name,
          `${dtype} tensors`,
          `${name} may be ${[...allowed].join(', ')} here`,
        );
      }
    }
  }
}

/** A device that compiles in the background and may have workers. */
export class WasmDevice extends WasmDeviceBase implements Device<WasmBuffer> {
  async compile(plan: Plan): Promise<WasmKernel> {
    const image = this.render(plan);
    const id = this.nextId();
    const module = await WebAssembly.compile(image.bytes);
    await this.pool?.addKernel(id, module);
    return this.instantiate(id, plan, image, module);
  }
}

/** A device on the calling thread alone. */
export class SyncWasmDevice extends WasmDeviceBase implements SyncDevice<WasmBuffer> {
  compile(plan: Plan): WasmKernel {
    const image = this.render(plan);
    return this.instantiate(this.nextId(), plan, image, new WebAssembly.Module(image.bytes));
  }
}
