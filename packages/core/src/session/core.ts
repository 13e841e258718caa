/** What synchronous and asynchronous sessions share. */
import type { Device, MaybePromise } from '../backend.js';
import { CapabilityError, DisposedError, OperandError } from '../errors.js';
import { definitionOf, type Loss, type OperandSpecs } from '../losses/loss.js';
import { makePlan, planKey } from '../plan/plan.js';
import { allocate, checkSpec, checkTensor, sizeOf, type Tensor, type TensorSpec } from '../tensor.js';
import { bufferOf, DeviceTensor } from './device-tensor.js';
import { chain, isPromise, now } from './maybe.js';
import {
  checkCapabilities,
  StepCore,
  type AnyTensor,
  type Into,
  type RawResult,
  type StepHost,
} from './step.js';

/** How many compiled losses a session keeps for calls that were not compiled by hand. */
const cacheSize = 64;

/** Operands as a caller gives them; `undefined` is the same as leaving one out. */
export type Operands = Readonly<Record<string, AnyTensor | undefined>>;

export class SessionCore implements StepHost {
  readonly name: string;
  readonly device: Device;
  readonly #cache = new Map<string, StepCore | Promise<StepCore>>();
  readonly #steps = new Set<StepCore>();
  readonly #tensors = new Set<DeviceTensor>();
  /** The end of the last run, for devices with promises: runs follow one another, since they share buffers. */
  #tail: Promise<unknown> = Promise.resolve();
  #isDisposed = false;

  constructor(name: string, device: Device) {
    this.name = name;
    this.device = device;
  }

  track(spec: TensorSpec, buffer: unknown): DeviceTensor {
    const tensor: DeviceTensor = new DeviceTensor(spec, this.device, buffer, () =>
      this.#tensors.delete(tensor),
    );
    this.#tensors.add(tensor);
    return tensor;
  }

  allocate(spec: TensorSpec): DeviceTensor {
    this.#checkOpen();
    checkSpec('allocate', spec);
    return this.track(spec, this.device.allocate(spec));
  }

  adopt(native: unknown, spec: TensorSpec): DeviceTensor {
    this.#checkOpen();
    checkSpec('adopt', spec);
    if (this.device.adopt === undefined) throw this.#noNative();
    return this.track(spec, this.device.adopt(native, spec));
  }

  native(tensor: DeviceTensor): unknown {
    this.#checkOpen();
    const buffer = bufferOf('native', tensor, this.device);
    if (this.device.native === undefined) throw this.#noNative();
    return this.device.native(buffer);
  }

  #noNative(): CapabilityError {
    return new CapabilityError(
      this.name,
      'native buffers',
      'its tensors are in memory that it does not share',
    );
  }

  upload(tensor: Tensor): MaybePromise<DeviceTensor> {
    this.#checkOpen();
    checkTensor('upload', tensor);
    const buffer = this.device.allocate(tensor);
    const made = this.track(tensor, buffer);
    if (sizeOf(tensor.shape) === 0) return made;
    return chain(this.device.write(buffer, tensor.data, tensor), () => made);
  }

  download(tensor: DeviceTensor): MaybePromise<Tensor> {
    this.#checkOpen();
    const buffer = bufferOf('download', tensor, this.device);
    const size = sizeOf(tensor.shape);
    const copy: Tensor = { dtype: tensor.dtype, shape: tensor.shape, data: allocate(tensor.dtype, size) };
    if (size === 0) return copy;
    return chain(this.device.read(buffer, copy.data, copy), () => copy);
  }

  /** A compiled loss of the caller's own. */
  compile(loss: Loss, specs: OperandSpecs, gradients: readonly string[] | undefined): MaybePromise<StepCore> {
    this.#checkOpen();
    checkLoss(loss);
    const wanted = { gradients: gradients ?? [loss[definitionOf].prediction(loss.options)] };
    const bound = makePlan(loss, specs, wanted);
    checkCapabilities(this.name, this.device, bound, specs);
    return chain(this.device.compile(bound.plan), (kernel) => {
      const counting = bound.counting === undefined ? undefined : this.device.compile(bound.counting);
      return chain(counting, (second) => {
        const step = new StepCore(this, loss, bound, specs, kernel, second);
        this.#steps.add(step);
        return step;
      });
    });
  }

  release(step: StepCore): void {
    this.#steps.delete(step);
    step.dispose();
  }

  /** A call with a compiled loss. */
  runStep(step: StepCore, operands: Operands, into: Into): MaybePromise<RawResult> {
    this.#checkOpen();
    step.check(operands, into);
    return step.run(operands, into);
  }

  /** A call without: the compiled loss comes from the cache. */
  run(
    loss: Loss,
    operands: Operands,
    gradients: readonly string[] | undefined,
    into: Into,
  ): MaybePromise<RawResult> {
    this.#checkOpen();
    checkLoss(loss);
    const specs: Record<string, TensorSpec> = {};
    for (const [name, tensor] of Object.entries(operands)) {
      if (tensor === undefined) continue;
      if (typeof tensor !== 'object' || tensor === null) {
        throw new OperandError({
          subject: name,
          found: String(tensor),
          expected: 'a tensor: tensor(data, shape)',
        });
      }
      if (!(tensor instanceof DeviceTensor)) checkTensor(name, tensor);
      specs[name] = { dtype: tensor.dtype, shape: tensor.shape };
    }
    return chain(this.#cached(loss, specs, gradients), (step) => this.runStep(step, operands, into));
  }

  #cached(loss: Loss, specs: OperandSpecs, gradients: readonly string[] | undefined): MaybePromise<StepCore> {
    const key = planKey(loss, specs, { gradients: gradients ?? ['(prediction)'] });
    const known = this.#cache.get(key);
    if (known !== undefined) {
      this.#cache.delete(key);
      this.#cache.set(key, known);
      return known;
    }
    const made = this.compile(loss, specs, gradients);
    if (!isPromise(made)) {
      this.#remember(key, made);
      return made;
    }
    const pending = Promise.resolve(made).then(
      (step) => {
        if (this.#cache.get(key) === pending) this.#cache.set(key, step);
        return step;
      },
      (error: unknown) => {
        this.#cache.delete(key);
        throw error;
      },
    );
    this.#remember(key, pending);
    return pending;
  }

  #remember(key: string, step: StepCore | Promise<StepCore>): void {
    this.#cache.set(key, step);
    if (this.#cache.size <= cacheSize) return;
    // The least recently used one that nobody waits for.
    for (const [oldKey, old] of this.#cache) {
      if (isPromise(old) || old === step) continue;
      this.#cache.delete(oldKey);
      this.release(old);
      return;
    }
  }

  /** Puts a call behind those that came before: for devices with promises. */
  enqueue<T>(call: () => MaybePromise<T>): Promise<T> {
    const result = this.#tail.then(call);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  dispose(): MaybePromise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const tensor of this.#tensors) tensor.free();
    for (const step of this.#steps) step.dispose();
    this.#steps.clear();
    this.#cache.clear();
    return this.device.dispose();
  }

  disposeSync(): void {
    now(this.dispose());
  }

  #checkOpen(): void {
    if (this.#isDisposed) throw new DisposedError('the session');
  }
}

function checkLoss(loss: Loss): void {
  if (typeof loss === 'object' && loss !== null && loss[definitionOf] !== undefined) return;
  throw new OperandError({
    subject: 'loss',
    found: typeof loss === 'object' && loss !== null ? 'a plain object' : String(loss),
    expected: 'a loss, such as sigmoidCrossEntropy(); parseLoss brings one back from JSON',
  });
}
