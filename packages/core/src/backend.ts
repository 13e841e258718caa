/** What a backend is. A package of its own implements these interfaces; core knows no backend. */
import type { Plan } from './plan/types.js';
import type { DataOf, DType, Tensor, TensorSpec } from './tensor.js';

/** A value, or the promise of one. A synchronous device returns values only. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** What a device can do. A plan that needs more is refused with {@link CapabilityError}; nothing falls back. */
export interface Capabilities {
  /** Dtypes of the prediction. */
  readonly predictions: readonly DType[];
  readonly targets: readonly DType[];
  readonly weights: readonly DType[];
  /** Whether the same call gives the same bits every time, for any number of threads. */
  readonly deterministic: boolean;
  /** Where tensors live: in memory that the host sees (`view` works) or on a device of its own. */
  readonly memory: 'host' | 'device';
  /** How many threads (or the like) compute at once, where that is known. */
  readonly threads?: number;
}

/** Worst errors of what a loss gives for an element or a row, in ulp, by precision. */
export interface ElementAccuracy {
  /** Of a single value. */
  readonly value: Readonly<Partial<Record<'float32' | 'float64', number>>>;
  /** Of a gradient. */
  readonly gradient: Readonly<Partial<Record<'float32' | 'float64', number>>>;
}

/**
 * How exact a device promises to be; the conformance suite holds it to this. An ulp is a unit in the last place of the
 * result's dtype at the magnitude of the largest term that makes it up.
 */
export interface Accuracy extends ElementAccuracy {
  /** Worst relative error of a sum of non-negative terms, beyond the error of the terms. */
  readonly sum: number;
  /** Whether results below the smallest normal number may come out as 0. */
  readonly subnormals: 'kept' | 'flushed';
  /**
   * Losses with bounds of their own, by `loss.kind`; {@link accuracyOf} puts them in. What a kind does not name here stays
   * as it is for all losses, those of third parties too.
   */
  readonly kinds?: Readonly<Record<string, Partial<ElementAccuracy>>>;
}

/** The accuracy that is promised for losses of this kind. */
export function accuracyOf(accuracy: Accuracy, kind: string): Accuracy {
  const own = Object.hasOwn(accuracy.kinds ?? {}, kind) ? accuracy.kinds?.[kind] : undefined;
  if (own === undefined) return accuracy;
  return {
    ...accuracy,
    value: { ...accuracy.value, ...own.value },
    gradient: { ...accuracy.gradient, ...own.gradient },
  };
}

/** A backend, as a value: `cpu()`. It costs nothing until it is opened. */
export interface Backend<Buffer = unknown> {
  readonly name: string;
  /**
   * Opens a device.
   *
   * @throws {BackendUnavailableError} with the reason, where it cannot be opened here
   */
  open(): MaybePromise<Device<Buffer>>;
}

/** A backend whose device does everything at once, without promises. */
export interface SyncBackend<Buffer = unknown> extends Backend<Buffer> {
  openSync(): SyncDevice<Buffer>;
}

/** Compiles plans and owns buffers. */
export interface Device<Buffer = unknown> {
  /** What runs here, for people: `cpu (generated code)`, `webgpu (NVIDIA H200)`. */
  readonly description: string;
  readonly capabilities: Capabilities;
  readonly accuracy: Accuracy;
  /**
   * Compiles a plan.
   *
   * @throws {CapabilityError} for a plan that this device cannot run
   */
  compile(plan: Plan): MaybePromise<Kernel<Buffer>>;
  /** A new, zeroed buffer for a tensor. */
  allocate(spec: TensorSpec): Buffer;
  /** Copies a host tensor into a buffer made for its spec. */
  write(buffer: Buffer, data: DataOf, spec: TensorSpec): MaybePromise<void>;
  /** Copies a buffer into host memory. */
  read(buffer: Buffer, into: DataOf, spec: TensorSpec): MaybePromise<void>;
  /** Gives a buffer back. It is not used afterwards. */
  free(buffer: Buffer): void;
  /**
   * A buffer over host data without a copy, valid during one run: for devices that compute in host memory. Where it is
   * missing or returns undefined, the session copies through buffers of its own.
   */
  borrow?(tensor: Tensor): Buffer | undefined;
  /** The host's view of a buffer, where there is one. A later allocation may make it stale. */
  view?(buffer: Buffer, spec: TensorSpec): DataOf;
  /**
   * A buffer over the device's own kind of memory (a GPUBuffer) that the caller owns, without a copy; `free` leaves it
   * alone. Missing where there is no such thing.
   */
  adopt?(native: unknown, spec: TensorSpec): Buffer;
  /** The opposite: what the device's own interface calls this buffer. */
  native?(buffer: Buffer): unknown;
  /** Frees everything. The session calls it once, after its last run. */
  dispose(): MaybePromise<void>;
}

/** A device whose methods return values, never promises. */
export interface SyncDevice<Buffer = unknown> extends Device<Buffer> {
  compile(plan: Plan): SyncKernel<Buffer>;
  write(buffer: Buffer, data: DataOf, spec: TensorSpec): void;
  read(buffer: Buffer, into: DataOf, spec: TensorSpec): void;
  dispose(): void;
}

/** What one run of a kernel reads and writes. */
export interface Bindings<Buffer> {
  /** By operand name; those of `plan.constants` are the kernel's own affair. */
  readonly operands: Readonly<Record<string, Buffer>>;
  /** By output name. */
  readonly outputs: Readonly<Record<string, Buffer>>;
  /** The factor of all gradients: upstream gradient over divisor. */
  readonly scale: number;
}

/** A compiled plan. A session never runs one kernel twice at the same time, nor with empty tensors. */
export interface Kernel<Buffer = unknown> {
  /**
   * Runs once and returns the totals, in the order of `plan.totals`: block sums in float64, combined in a fixed order.
   */
  run(bindings: Bindings<Buffer>): MaybePromise<readonly number[]>;
  dispose(): void;
}

/** A kernel that returns totals at once. */
export interface SyncKernel<Buffer = unknown> extends Kernel<Buffer> {
  run(bindings: Bindings<Buffer>): readonly number[];
}

/** Whether a backend opens without promises. */
export function isSync<Buffer>(backend: Backend<Buffer>): backend is SyncBackend<Buffer> {
  return typeof (backend as Partial<SyncBackend<Buffer>>).openSync === 'function';
}
