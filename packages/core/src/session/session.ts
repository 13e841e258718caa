/** What a user holds: a backend opened, with a cache of compiled losses. */
import { isSync, type Accuracy, type Backend, type Capabilities, type SyncBackend } from '../backend.js';
import { BackendUnavailableError } from '../errors.js';
import type { Loss, OperandSpecs, Prediction, Reduction } from '../losses/loss.js';
import type { Plan } from '../plan/types.js';
import type { DType, Tensor, TensorSpec } from '../tensor.js';
import { SessionCore, type Operands } from './core.js';
import type { DeviceTensor } from './device-tensor.js';
import { now } from './maybe.js';
import type { AnyTensor, Into, StepCore } from './step.js';

/** Where results that are tensors live. */
export type Where = 'host' | 'device';
type TensorIn<W extends Where> = W extends 'device' ? DeviceTensor : Tensor;

/** The value of a loss: a tensor of one value a row for reduction `none`, else a number. */
export type ValueOf<R extends Reduction, W extends Where = 'host'> = R extends 'none' ? TensorIn<W> : number;

/** Options of a call that gives the value alone. */
export interface ValueOptions<W extends Where = Where> {
  /** For reduction `none`: receives the values. */
  readonly into?: { readonly value?: AnyTensor };
  /** Where a tensor result goes that `into` leaves open; default `host`. */
  readonly results?: W;
}

/** Options of a call that gives gradients. */
export interface GradOptions<G extends string = string, W extends Where = Where> {
  /** Operands by which gradients are wanted; default: the prediction. */
  readonly gradients?: readonly G[];
  /** Factor of all gradients: the gradient of what the loss flows into; default 1. */
  readonly upstream?: number;
  /** Receive results, in host memory or on the device. */
  readonly into?: {
    readonly value?: AnyTensor;
    readonly gradients?: Readonly<Partial<Record<string, AnyTensor>>>;
  };
  /** Where results go that `into` leaves open; default `host`. */
  readonly results?: W;
}

/** What a run of a compiled loss may be given beside its operands. */
export type RunOptions<W extends Where = Where> = Omit<GradOptions<string, W>, 'gradients'>;

/** Value, gradients, and what the sum was divided by. */
export interface Result<R extends Reduction, G extends string, W extends Where = 'host'> {
  readonly value: ValueOf<R, W>;
  readonly gradients: Readonly<Record<G, TensorIn<W>>>;
  /** What the sum of losses was divided by; 1 for `none` and `sum`. */
  readonly divisor: number;
  /** With `validate: 'count'`: how many targets (or rows) are invalid. */
  readonly invalid?: number;
}

/** A value with what came with it. */
export type ValueResult<R extends Reduction, W extends Where = 'host'> = Omit<
  Result<R, never, W>,
  'gradients'
>;

function toInto(options: RunOptions | ValueOptions): Into {
  const { into, results, upstream } = options as RunOptions;
  return {
    ...(into?.value === undefined ? {} : { value: into.value }),
    ...(into?.gradients === undefined ? {} : { gradients: into.gradients }),
    ...(results === undefined ? {} : { results }),
    ...(upstream === undefined ? {} : { upstream }),
  };
}

/** What both kinds of session tell of their backend. */
abstract class AnySession {
  /** @internal */
  protected readonly core: SessionCore;

  constructor(core: SessionCore) {
    this.core = core;
  }

  /** Name of the backend. */
  get backend(): string {
    return this.core.name;
  }

  /** What runs here, for people. */
  get description(): string {
    return this.core.device.description;
  }

  get capabilities(): Capabilities {
    return this.core.device.capabilities;
  }

  get accuracy(): Accuracy {
    return this.core.device.accuracy;
  }

  /** A new, zeroed tensor on the device. */
  allocate<D extends DType>(spec: TensorSpec<D>): DeviceTensor<D> {
    return this.core.allocate(spec) as DeviceTensor<D>;
  }

  /**
   * A tensor over memory that another library (or the program) owns on the same device, without a copy: on WebGPU a
   * GPUBuffer, or `{ buffer, offset }`, of the GPUDevice that the backend was given. It is read and written in place, and
   * `free` leaves it alone.
   *
   * @throws {CapabilityError} where the backend has no such memory
   * @throws {OperandError} for something that is no buffer of the device, or is too small for the spec
   */
  adopt<D extends DType>(native: unknown, spec: TensorSpec<D>): DeviceTensor<D> {
    return this.core.adopt(native, spec) as DeviceTensor<D>;
  }

  /**
   * What the device's own interface calls a tensor's memory, to hand it to another library without a copy: on WebGPU
   * `{ buffer, offset, size }`. It is the session's, and gone when the tensor is freed.
   *
   * @throws {CapabilityError} where the backend has no such memory
   */
  native(tensor: DeviceTensor): unknown {
    return this.core.native(tensor);
  }
}

/**
 * A session on a backend of any kind; its methods return promises. Runs follow one another in the order of the calls.
 * Every method rejects with a typed error: ShapeError, DTypeError, OperandError, OptionError for a misuse,
 * CapabilityError for what the backend lacks, DisposedError after disposal, InvalidTargetsError for `validate: 'throw'`.
 */
export class Session extends AnySession {
  /** The value of a loss. */
  async value<R extends Reduction, W extends Where = 'host'>(
    loss: Loss<R>,
    operands: Operands,
    options: ValueOptions<W> = {},
  ): Promise<ValueOf<R, W>> {
    const result = await this.core.enqueue(() => this.core.run(loss, operands, [], toInto(options)));
    return result.value as ValueOf<R, W>;
  }

  /** The value of a loss and its gradients, in one pass over memory wherever the loss allows it. */
  valueAndGrad<R extends Reduction, P extends Prediction, G extends string = P, W extends Where = 'host'>(
    loss: Loss<R, P>,
    operands: Operands,
    options: GradOptions<G, W> = {},
  ): Promise<Result<R, G, W>> {
    return this.core.enqueue(() =>
      this.core.run(loss, operands, options.gradients, toInto(options)),
    ) as unknown as Promise<Result<R, G, W>>;
  }

  /**
   * Compiles a loss for operands of these specs, for loops that call it often: runs neither plan nor, with `into`,
   * allocate. `gradients` names the operands by which gradients are wanted; default: the prediction; `[]`: none.
   */
  async compile<R extends Reduction, P extends Prediction, G extends string = P>(
    loss: Loss<R, P>,
    specs: OperandSpecs,
    options: { readonly gradients?: readonly G[] } = {},
  ): Promise<CompiledLoss<R, G>> {
    const step = await this.core.compile(loss, specs, options.gradients);
    return new CompiledLoss<R, G>(this.core, step);
  }

  /** Copies a host tensor to the device. */
  upload<D extends DType>(tensor: Tensor<D>): Promise<DeviceTensor<D>> {
    return this.core.enqueue(() => this.core.upload(tensor)) as Promise<DeviceTensor<D>>;
  }

  /** Copies a device tensor to the host. */
  download<D extends DType>(tensor: DeviceTensor<D>): Promise<Tensor<D>> {
    return this.core.enqueue(() => this.core.download(tensor)) as Promise<Tensor<D>>;
  }

  /** Waits for the runs under way, then frees tensors, compiled losses and the device; a second call does nothing. */
  async dispose(): Promise<void> {
    await this.core.enqueue(() => this.core.dispose());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** A session on a synchronous backend: the methods of {@link Session} without promises; they throw what those reject with. */
export class SyncSession extends AnySession {
  /** The value of a loss. */
  value<R extends Reduction, W extends Where = 'host'>(
    loss: Loss<R>,
    operands: Operands,
    options: ValueOptions<W> = {},
  ): ValueOf<R, W> {
    return now(this.core.run(loss, operands, [], toInto(options))).value as ValueOf<R, W>;
  }

  /** The value of a loss and its gradients, in one pass over memory wherever the loss allows it. */
  valueAndGrad<R extends Reduction, P extends Prediction, G extends string = P, W extends Where = 'host'>(
    loss: Loss<R, P>,
    operands: Operands,
    options: GradOptions<G, W> = {},
  ): Result<R, G, W> {
    const result = now(this.core.run(loss, operands, options.gradients, toInto(options)));
    return result as unknown as Result<R, G, W>;
  }

  /** Compiles a loss; see {@link Session.compile}. */
  compile<R extends Reduction, P extends Prediction, G extends string = P>(
    loss: Loss<R, P>,
    specs: OperandSpecs,
    options: { readonly gradients?: readonly G[] } = {},
  ): SyncCompiledLoss<R, G> {
    return new SyncCompiledLoss<R, G>(this.core, now(this.core.compile(loss, specs, options.gradients)));
  }

  /** Copies a host tensor to the device. */
  upload<D extends DType>(tensor: Tensor<D>): DeviceTensor<D> {
    return now(this.core.upload(tensor)) as DeviceTensor<D>;
  }

  /** Copies a device tensor to the host. */
  download<D extends DType>(tensor: DeviceTensor<D>): Tensor<D> {
    return now(this.core.download(tensor)) as Tensor<D>;
  }

  /** Frees tensors, compiled losses and the device; a second call does nothing. */
  dispose(): void {
    this.core.disposeSync();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A loss compiled for operands of fixed specs. */
abstract class AnyCompiledLoss {
  /** @internal */
  protected readonly core: SessionCore;
  /** @internal */
  protected readonly step: StepCore;

  constructor(core: SessionCore, step: StepCore) {
    this.core = core;
    this.step = step;
  }

  /** What the backend compiled. */
  get plan(): Plan {
    return this.step.bound.plan;
  }
}

/** A compiled loss of a {@link Session}. */
export class CompiledLoss<
  R extends Reduction = Reduction,
  G extends string = string,
> extends AnyCompiledLoss {
  /** Runs the loss on operands of the compiled specs. */
  run<W extends Where = 'host'>(operands: Operands, options: RunOptions<W> = {}): Promise<Result<R, G, W>> {
    return this.core.enqueue(() =>
      this.core.runStep(this.step, operands, toInto(options)),
    ) as unknown as Promise<Result<R, G, W>>;
  }

  /** Frees the kernel and its buffers, after the runs under way. */
  async dispose(): Promise<void> {
    await this.core.enqueue(() => this.core.release(this.step));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** A compiled loss of a {@link SyncSession}. */
export class SyncCompiledLoss<
  R extends Reduction = Reduction,
  G extends string = string,
> extends AnyCompiledLoss {
  /** Runs the loss on operands of the compiled specs. */
  run<W extends Where = 'host'>(operands: Operands, options: RunOptions<W> = {}): Result<R, G, W> {
    return now(this.core.runStep(this.step, operands, toInto(options))) as unknown as Result<R, G, W>;
  }

  /** Frees the kernel and its buffers. */
  dispose(): void {
    this.core.release(this.step);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Opens a backend.
 *
 * @example
 * await using session = await open(cpu());
 * const { value, gradients } = await session.valueAndGrad(sigmoidCrossEntropy(), { logits, targets });
 *
 * @throws {BackendUnavailableError} with the reason, where it cannot be opened here
 */
export async function open<Buffer>(backend: Backend<Buffer>): Promise<Session> {
  return new Session(new SessionCore(backend.name, await backend.open()));
}

/**
 * Opens a synchronous backend: the same methods, without promises.
 *
 * @throws {BackendUnavailableError} where it cannot be opened here, or only with promises
 */
export function openSync<Buffer>(backend: SyncBackend<Buffer>): SyncSession {
  if (!isSync(backend)) {
    throw new BackendUnavailableError(
      (backend as Backend).name,
      'it computes with promises only; use open()',
    );
  }
  return new SyncSession(new SessionCore(backend.name, backend.openSync()));
}
