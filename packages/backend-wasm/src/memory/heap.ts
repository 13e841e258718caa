/** Buffers inside one WebAssembly memory. */
import { DeviceError } from '@softxent/core';

/** A WebAssembly page. */
const pageBytes = 65536;
/** Most pages of a 32-bit memory: 4 GiB. */
export const maximumPages = 65536;
/** Buffers start on a cache line. */
const alignment = 64;
/** Kernels may read a little beyond a buffer; at the end of memory there is room for that. */
const slack = 4096;

/** A piece of memory: an address and a size in bytes. */
export interface Piece {
  readonly address: number;
  readonly bytes: number;
}

/**
 * A first-fit allocator that joins neighbouring free pieces. Memory grows when nothing fits and never shrinks: engines
 * cannot give pages back before the memory itself is dropped.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly #backend: string;
  /** Free pieces by address. */
  readonly #free: Piece[] = [];
  readonly #known = new WeakSet<ArrayBufferLike>();
  #end: number;

  constructor(memory: WebAssembly.Memory, backend: string) {
    this.memory = memory;
    this.#backend = backend;
    this.#end = alignment;
    this.#release(this.#end, this.buffer.byteLength - slack);
  }

  /** The memory's current buffer. */
  get buffer(): ArrayBuffer | SharedArrayBuffer {
    const { buffer } = this.memory;
    this.#known.add(buffer);
    return buffer;
  }

  /** Whether typed arrays over this buffer lie in the memory. A shared memory's earlier buffers do; detached ones do not. */
  holds(buffer: ArrayBufferLike): boolean {
    return this.#known.has(buffer) && buffer.byteLength > 0;
  }

  /**
   * A zeroed piece.
   *
   * @throws {DeviceError} when it does not fit into the memory's 4 GiB, or the system has no more
   */
  allocate(bytes: number): Piece {
    // One vector more: kernels read whole vectors.
    const size = Math.ceil((bytes + 16) / alignment) * alignment;
    let at = this.#find(size);
    if (at === undefined) {
      this.#grow(size);
      at = this.#find(size);
    }
    if (at === undefined) throw this.#full(bytes);
    const [piece] = this.#free.splice(at, 1) as [Piece];
    if (piece.bytes > size) {
      this.#free.splice(at, 0, { address: piece.address + size, bytes: piece.bytes - size });
    }
    new Uint8Array(this.buffer, piece.address, size).fill(0);
    return { address: piece.address, bytes: size };
  }

  free({ address, bytes }: Piece): void {
    this.#release(address, bytes + address);
  }

  #find(size: number): number | undefined {
    const at = this.#free.findIndex((piece) => piece.bytes >= size);
    return at < 0 ? undefined : at;
  }

  #release(start: number, end: number): void {
    const next = this.#free.findIndex((piece) => piece.address > start);
    const at = next < 0 ? this.#free.length : next;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const joinsBefore = before !== undefined && before.address + before.bytes === start;
    const joinsAfter = after !== undefined && after.address === end;
    const address = joinsBefore ? before.address : start;
    const last = joinsAfter ? after.address + after.bytes : end;
    this.#free.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsAfter), {
      address,
      bytes: last - address,
    });
    this.#end = Math.max(this.#end, end);
  }

  #grow(size: number): void {
    const before = this.buffer.byteLength;
    const last = this.#free.at(-1);
    const atEnd = last !== undefined && last.address + last.bytes === before - slack ? last.bytes : 0;
    const needed = Math.ceil((size - atEnd) / pageBytes);
    const pages = before / pageBytes;
    if (pages + needed > maximumPages) throw this.#full(size);
    // A quarter more than is needed, so that many small tensors do not grow the memory one by one.
    const wanted = Math.min(Math.max(needed, Math.ceil(pages / 4)), maximumPages - pages);
    if (!this.#tryGrow(wanted) && !this.#tryGrow(needed)) throw this.#full(size);
    this.#release(before - slack, this.buffer.byteLength - slack);
  }

  #tryGrow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }

  #full(bytes: number): DeviceError {
    const used = Math.round(this.buffer.byteLength / 2 ** 20);
    return new DeviceError(
      this.#backend,
      `no room for ${bytes} bytes: the memory has ${used} MiB and ends at 4096 MiB (or where the system has no more); ` +
        'run the loss on slices along the first dimension, or free tensors',
    );
  }
}
