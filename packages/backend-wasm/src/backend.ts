import { BackendUnavailableError, OptionError, type SyncBackend, type SyncDevice } from '@softxent/core';
import { SyncWasmDevice, WasmDevice, type DeviceSetup } from './device.js';
import { features } from './features.js';
import type { WasmBuffer } from './kernel.js';
import { Heap, maximumPages } from './memory/heap.js';
import { control } from './threads/control.js';
import { Pool } from './threads/pool.js';

/** How the WebAssembly backend runs. */
export interface WasmOptions {
  /**
   * Threads that compute, the calling one included. Default: the number of cores, at most 4. Threads need memory that
   * they share: in a browser, a cross-origin isolated page. Where that is missing one thread computes, and the session's
   * description says so.
   */
  readonly threads?: number;
  /**
   * Whether to use relaxed SIMD (fused multiply-add). Default: where the engine has it. Results stay within the same
   * bounds but differ in their last digits between machines with and without it.
   */
  readonly relaxedSimd?: boolean;
}

const name = 'wasm';
const initialPages = 64;

function coreCount(): number {
  const { hardwareConcurrency } = globalThis.navigator ?? {};
  if (hardwareConcurrency !== undefined) return hardwareConcurrency;
  const os = typeof process === 'object' ? process.getBuiltinModule?.('node:os') : undefined;
  return os?.availableParallelism() ?? 1;
}

function checkOptions({ threads, relaxedSimd }: WasmOptions): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new OptionError({
      subject: 'wasm option threads',
      found: String(threads),
      expected: 'a whole number from 1 to 256',
    });
  }
  if (relaxedSimd !== undefined && typeof relaxedSimd !== 'boolean') {
    throw new OptionError({
      subject: 'wasm option relaxedSimd',
      found: String(relaxedSimd),
      expected: 'true or false',
    });
  }
}

function usesRelaxed({ relaxedSimd }: WasmOptions): boolean {
  if (typeof WebAssembly !== 'object') {
    throw new BackendUnavailableError(name, 'this engine has no WebAssembly');
  }
  const { simd, relaxedSimd: hasRelaxed } = features();
  if (!simd) throw new BackendUnavailableError(name, 'this engine has no 128-bit SIMD in WebAssembly');
  if (relaxedSimd === true && !hasRelaxed) {
    throw new BackendUnavailableError(
      name,
      'this engine has no relaxed SIMD; leave the option relaxedSimd out to do without',
    );
  }
  return relaxedSimd ?? hasRelaxed;
}

function memoryOf(shared: boolean): WebAssembly.Memory {
  // Engines reserve the whole range of addresses of a shared memory; where they cannot, less will do.
  for (const maximum of [maximumPages, maximumPages / 2, maximumPages / 8]) {
    try {
      return new WebAssembly.Memory({ initial: initialPages, maximum, shared });
    } catch {
      continue;
    }
  }
  throw new BackendUnavailableError(name, 'the engine gave no memory');
}

function describe(threads: number, relaxed: boolean, reason: string | undefined): string {
  const count = threads === 1 ? '1 thread' : `${threads} threads`;
  const why = reason === undefined ? '' : ` (${reason})`;
  return `wasm (${relaxed ? 'relaxed SIMD' : 'SIMD'}, ${count}${why})`;
}

function singleThreaded(options: WasmOptions, reason?: string): DeviceSetup {
  const relaxed = usesRelaxed(options);
  return {
    name,
    description: describe(1, relaxed, reason),
    heap: new Heap(memoryOf(false), name),
    shared: false,
    relaxed,
    pool: undefined,
  };
}

/**
 * softxent on WebAssembly SIMD: every loss becomes a module of its own, rendered when it is first used.
 *
 * `open` may use several threads; `openSync` computes on the calling thread and returns values without promises.
 * Results are the same to the bit for any number of threads. Tensors that the session allocated are used where they
 * are; host arrays are copied in.
 *
 * @example
 * await using session = await open(wasm({ threads: 2 }));
 *
 * @throws {OptionError} for a number of threads that is none
 */
export function wasm(options: WasmOptions = {}): SyncBackend<WasmBuffer> {
  checkOptions(options);
  return {
    name,
    async open() {
      const threads = options.threads ?? Math.min(coreCount(), 4);
      if (threads === 1) return new WasmDevice(singleThreaded(options));
      if (!features().sharedMemory) {
        const reason = 'no SharedArrayBuffer: the page is not cross-origin isolated';
        return new WasmDevice(singleThreaded(options, reason));
      }
      const relaxed = usesRelaxed(options);
      const heap = new Heap(memoryOf(true), name);
      const block = heap.allocate(4 * control.words);
      const pool = await Pool.start(name, heap.memory, block.address, threads - 1);
      return new WasmDevice({
        name,
        description: describe(threads, relaxed, undefined),
        heap,
        shared: true,
        relaxed,
        pool,
      });
    },
    openSync(): SyncDevice<WasmBuffer> {
      return new SyncWasmDevice(singleThreaded(options));
    },
  };
}
