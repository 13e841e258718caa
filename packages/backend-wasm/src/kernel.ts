import { bytesPerElement, DeviceError, sizeOf, type Bindings, type SyncKernel } from '@softxent/core';
import { sumOf, type Plan } from '@softxent/core/plan';
import type { Heap, Piece } from './memory/heap.js';
import { argument, type OperandForm, type OutputForm } from './render/layout.js';
import type { KernelImage } from './render/kernel.js';
import type { RunBlocks } from './threads/pool.js';

/** A tensor in the memory. */
export interface WasmBuffer {
  readonly address: number;
}

/** What a kernel needs of its device. */
export interface KernelHost {
  readonly name: string;
  readonly heap: Heap;
  /** Runs all blocks, on as many threads as there are. */
  dispatch(kernel: WasmKernel, args: number, blocks: number): void;
  release(kernel: WasmKernel): void;
}

/** A compiled plan. */
export class WasmKernel implements SyncKernel<WasmBuffer> {
  readonly id: number;
  readonly exported: RunBlocks;
  readonly scratchBytes: number;
  readonly #plan: Plan;
  readonly #image: KernelImage;
  readonly #host: KernelHost;
  /** What it holds of the memory. */
  readonly pieces: Piece[] = [];
  readonly #args: number;
  readonly #totals: number;
  /** Addresses of operands that are part of the loss. */
  readonly #constants: ReadonlyMap<string, number>;
  #isDisposed = false;

  constructor(id: number, plan: Plan, image: KernelImage, exported: RunBlocks, host: KernelHost) {
    this.id = id;
    this.exported = exported;
    this.#plan = plan;
    this.#image = image;
    this.#host = host;
    const { layout, table } = image;
    this.scratchBytes = layout.scratchBytes;
    this.#args = this.#take(layout.argumentBytes);
    this.#totals = this.#take(8 * plan.totals.length * layout.geometry.blocks);
    const tableAddress = this.#take(table.byteLength);
    new Int32Array(host.heap.buffer, tableAddress, table.length).set(table);
    const args = new Int32Array(host.heap.buffer, this.#args, layout.argumentBytes / 4);
    args[argument.totals / 4] = this.#totals;
    args[argument.table / 4] = tableAddress;
    this.#constants = new Map(
      Object.entries(plan.constants).map(([name, values]) => {
        const address = this.#take(4 * values.length);
        new Float32Array(host.heap.buffer, address, values.length).set(values);
        return [name, address];
      }),
    );
  }

  run({ operands, outputs, scale }: Bindings<WasmBuffer>): readonly number[] {
    const { heap } = this.#host;
    const { layout } = this.#image;
    const { blocks } = layout.geometry;
    const args = new Int32Array(heap.buffer, this.#args, layout.argumentBytes / 4);
    new Float32Array(heap.buffer, this.#args + argument.scale, 1)[0] = scale;
    const first = argument.buffers / 4;
    for (const { plan, index } of layout.operands.values()) {
      args[first + index] = this.#constants.get(plan.name) ?? operands[plan.name]!.address;
    }
    for (const { plan, index } of layout.outputs.values()) args[first + index] = outputs[plan.name]!.address;
    args[argument.careful / 4] = this.#overlaps(args) ? 1 : 0;
    try {
      this.#host.dispatch(this, this.#args, blocks);
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      throw new DeviceError(this.#host.name, `the kernel failed: ${String(error)}`, { cause: error });
    }
    const count = this.#plan.totals.length;
    const totals = new Float64Array(heap.buffer, this.#totals, blocks * count);
    return this.#plan.totals.map((_, i) => sumOf(totals, i, totals.length, count));
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#host.release(this);
  }

  /** Whether a run overwrites operands of its own: nothing can be computed a second time then. */
  #overlaps(args: Int32Array): boolean {
    const { operands, outputs } = this.#image.layout;
    const rangeOf = ({ index, plan }: OperandForm | OutputForm): { from: number; to: number } => {
      const from = args[argument.buffers / 4 + index]! >>> 0;
      return { from, to: from + bytesPerElement(plan.dtype) * sizeOf(plan.shape) };
    };
    const read = [...operands.values()].map(rangeOf);
    return [...outputs.values()].map(rangeOf).some((o) => read.some((r) => r.from < o.to && o.from < r.to));
  }

  #take(bytes: number): number {
    const piece = this.#host.heap.allocate(bytes);
    this.pieces.push(piece);
    return piece.address;
  }
}
