/** A loss compiled for fixed shapes: kernels, buffers for operands that come from the host, and the order of a run. */
import type { Device, Kernel, MaybePromise } from '../backend.js';
import {
  CapabilityError,
  DisposedError,
  DTypeError,
  OperandError,
  OptionError,
  ShapeError,
} from '../errors.js';
import type { Loss, OperandSpecs } from '../losses/loss.js';
import type { BoundPlan, OutputPlan } from '../plan/types.js';
import { firstInvalid } from '../plan/first-invalid.js';
import { allocate, checkTensor, formatShape, sizeOf, type Tensor, type TensorSpec } from '../tensor.js';
import { bufferOf, DeviceTensor } from './device-tensor.js';
import { chain, forEach } from './maybe.js';

/** An operand or a place for a result: in host memory or on the session's device. */
export type AnyTensor = Tensor | DeviceTensor;

/** Where a run puts its results. */
export interface Into {
  /** For reduction `none`: receives the values. */
  readonly value?: AnyTensor;
  /** Receive the gradients, by operand name. */
  readonly gradients?: Readonly<Record<string, AnyTensor | undefined>>;
  /** Factor of all gradients: the gradient of what the loss flows into. Default 1. */
  readonly upstream?: number;
  /** Where results go that `value` and `gradients` leave open: new host tensors (default) or device tensors. */
  readonly results?: 'host' | 'device';
}

/** The result of a run, before its types are narrowed for the caller. */
export interface RawResult {
  readonly value: number | AnyTensor;
  readonly gradients: Readonly<Record<string, AnyTensor>>;
  readonly divisor: number;
  readonly invalid?: number;
}

/** What a step needs of its session. */
export interface StepHost {
  readonly name: string;
  readonly device: Device;
  track(spec: TensorSpec, buffer: unknown): DeviceTensor;
}

function isDeviceTensor(tensor: AnyTensor): tensor is DeviceTensor {
  return tensor instanceof DeviceTensor;
}

/** Refuses a plan that the device lacks a dtype for, before anything is compiled. */
export function checkCapabilities(name: string, device: Device, bound: BoundPlan, specs: OperandSpecs): void {
  const { predictions, targets, weights } = device.capabilities;
  const need = (operand: string, allowed: readonly string[], capability: string): void => {
    const dtype = specs[operand]?.dtype;
    if (dtype === undefined || allowed.includes(dtype)) return;
    throw new CapabilityError(name, `${dtype} ${capability}`, `${operand} may be ${allowed.join(', ')} here`);
  };
  need(bound.prediction, predictions, 'predictions');
  need('targets', targets, 'targets');
  need('weights', weights, 'weights');
}

export class StepCore {
  readonly #host: StepHost;
  readonly #loss: Loss;
  readonly #bound: BoundPlan;
  readonly #specs: OperandSpecs;
  readonly #kernel: Kernel;
  readonly #counting: Kernel | undefined;
  /** Device buffers for operands and results that live on the host; made when first needed, kept for later runs. */
  readonly #staging = new Map<string, unknown>();
  #isDisposed = false;

  constructor(
    host: StepHost,
    loss: Loss,
    bound: BoundPlan,
    specs: OperandSpecs,
    kernel: Kernel,
    counting?: Kernel,
  ) {
    this.#host = host;
    this.#loss = loss;
    this.#bound = bound;
    this.#specs = specs;
    this.#kernel = kernel;
    this.#counting = counting;
  }

  get bound(): BoundPlan {
    return this.#bound;
  }

  /** Throws unless operands and places fit the specs that the step was compiled for. */
  check(operands: Readonly<Record<string, AnyTensor | undefined>>, into: Into): void {
    if (this.#isDisposed) throw new DisposedError('the compiled loss');
    for (const [name, spec] of Object.entries(this.#specs)) {
      if (spec !== undefined) checkAgainst(name, operands[name], spec, this.#host.device);
    }
    for (const name of Object.keys(operands)) {
      if (operands[name] === undefined || this.#specs[name] !== undefined) continue;
      throw new OperandError({
        subject: name,
        found: 'an operand that the loss was not compiled with',
        expected: Object.keys(this.#specs).join(', '),
      });
    }
    const { outputs } = this.#bound.plan;
    const places = { value: into.value, ...gradientPlaces(into) };
    for (const [name, place] of Object.entries(places)) {
      if (place === undefined) continue;
      const output = outputs.find((candidate) => candidate.name === name);
      if (output === undefined) {
        throw new OperandError({
          subject: `place for ${name}`,
          found: 'a tensor',
          expected: `nothing: this call gives ${outputs.map((o) => o.name).join(', ') || 'a number only'}`,
        });
      }
      checkAgainst(`place for ${name}`, place, output, this.#host.device);
    }
    if (into.upstream !== undefined && typeof into.upstream !== 'number') {
      throw new OptionError({ subject: 'upstream', found: typeof into.upstream, expected: 'a number' });
    }
  }

  run(operands: Readonly<Record<string, AnyTensor | undefined>>, into: Into): MaybePromise<RawResult> {
    const { plan, divisor, counting, shapes } = this.#bound;
    const isEmpty = sizeOf(shapes.element) === 0;
    const results = new Map<string, AnyTensor>();
    for (const output of plan.outputs) results.set(output.name, this.#placeFor(output, into));
    if (isEmpty) {
      const zeros = chain(this.#fillZero(results), () => plan.totals.map(() => 0));
      return chain(zeros, (totals) => this.#finish(operands, results, totals, this.#emptyDivisor()));
    }
    const buffers: Record<string, unknown> = {};
    const outputs: Record<string, unknown> = {};
    const staged: OutputPlan[] = [];
    for (const output of plan.outputs) {
      const place = results.get(output.name) as AnyTensor;
      const direct = this.#directBuffer(output.name, place);
      if (direct === undefined) staged.push(output);
      outputs[output.name] = direct ?? this.#stage(output.name, output);
    }
    const read = counting === undefined ? plan.operands : [...plan.operands, ...counting.operands];
    const names = [...new Set(read.map((operand) => operand.name))].filter(
      (name) => !(name in plan.constants),
    );
    const bound = forEach(names, (name) => this.#bind(name, operands[name] as AnyTensor, buffers));
    const known = chain(bound, () => this.#divisorNow(buffers));
    return chain(known, (before) => {
      const scale = before === 0 ? 0 : (into.upstream ?? 1) / before;
      return chain(this.#kernel.run({ operands: buffers, outputs, scale }), (totals) => {
        const after = divisor.kind === 'static' ? divisor.value : this.#total(totals, divisor.name);
        const isNothing = after === 0 && divisor.kind === 'total';
        const zeroed = isNothing ? this.#fillZero(gradientsOnly(results)) : undefined;
        const copied = chain(zeroed, () =>
          forEach(isNothing ? staged.filter((o) => o.name === 'value') : staged, (output) =>
            this.#host.device.read(outputs[output.name], (results.get(output.name) as Tensor).data, output),
          ),
        );
        return chain(copied, () => this.#finish(operands, results, totals, after));
      });
    });
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const buffer of this.#staging.values()) this.#host.device.free(buffer);
    this.#staging.clear();
    this.#kernel.dispose();
    this.#counting?.dispose();
  }

  #emptyDivisor(): number {
    const { divisor } = this.#bound;
    return divisor.kind === 'static' ? divisor.value : 0;
  }

  #total(totals: readonly number[], name: string): number {
    return totals[this.#bound.plan.totals.findIndex((total) => total.name === name)] ?? 0;
  }

  /** The divisor before the main pass, where gradients depend on it; 1 where nothing does. */
  #divisorNow(buffers: Readonly<Record<string, unknown>>): MaybePromise<number> {
    const { divisor } = this.#bound;
    if (divisor.kind === 'static') return divisor.value;
    if (this.#counting === undefined) return 1;
    return chain(
      this.#counting.run({ operands: buffers, outputs: {}, scale: 1 }),
      (totals) => totals[0] ?? 0,
    );
  }

  #placeFor(output: OutputPlan, into: Into): AnyTensor {
    const given = output.name === 'value' ? into.value : gradientPlaces(into)[output.name];
    if (given !== undefined) return given;
    if (into.results === 'device') return this.#host.track(output, this.#host.device.allocate(output));
    return { dtype: output.dtype, shape: output.shape, data: allocate(output.dtype, sizeOf(output.shape)) };
  }

  /** The buffer of a device tensor, or a host tensor's memory where the device computes in it. */
  #directBuffer(subject: string, tensor: AnyTensor): unknown {
    if (isDeviceTensor(tensor)) return bufferOf(subject, tensor, this.#host.device);
    return this.#host.device.borrow?.(tensor);
  }

  #stage(key: string, spec: TensorSpec): unknown {
    let buffer = this.#staging.get(key);
    if (buffer === undefined) {
      buffer = this.#host.device.allocate(spec);
      this.#staging.set(key, buffer);
    }
    return buffer;
  }

  #bind(name: string, tensor: AnyTensor, buffers: Record<string, unknown>): MaybePromise<void> {
    const direct = this.#directBuffer(name, tensor);
    if (direct !== undefined) {
      buffers[name] = direct;
      return;
    }
    const buffer = this.#stage(`operand ${name}`, tensor);
    buffers[name] = buffer;
    return this.#host.device.write(buffer, (tensor as Tensor).data, tensor);
  }

  #fillZero(results: ReadonlyMap<string, AnyTensor>): MaybePromise<void> {
    return forEach([...results.entries()], ([name, tensor]) => {
      if (!isDeviceTensor(tensor)) {
        tensor.data.fill(0);
        return;
      }
      const size = sizeOf(tensor.shape);
      if (size === 0) return;
      const buffer = bufferOf(name, tensor, this.#host.device);
      return this.#host.device.write(buffer, allocate(tensor.dtype, size), tensor);
    });
  }

  #finish(
    operands: Readonly<Record<string, AnyTensor | undefined>>,
    results: ReadonlyMap<string, AnyTensor>,
    totals: readonly number[],
    divisor: number,
  ): MaybePromise<RawResult> {
    const { options } = this.#loss;
    const gradients: Record<string, AnyTensor> = {};
    for (const [name, tensor] of results) {
      if (name !== 'value') gradients[name.slice('gradient:'.length)] = tensor;
    }
    const sum = this.#total(totals, 'loss');
    const value = results.get('value') ?? (divisor === 0 ? 0 : sum / divisor);
    const result: RawResult = { value, gradients, divisor };
    if (options.validate === 'off') return result;
    const invalid = this.#total(totals, 'invalid');
    if (options.validate === 'throw' && invalid > 0) return this.#throwInvalid(operands, invalid);
    return { ...result, invalid };
  }

  /** The slow way, once something is wrong: brings targets and mask to the host and looks for the first invalid one. */
  #throwInvalid(
    operands: Readonly<Record<string, AnyTensor | undefined>>,
    count: number,
  ): MaybePromise<never> {
    const host: Record<string, Tensor> = {};
    const names = ['targets', 'mask'].filter((name) => operands[name] !== undefined);
    const fetched = forEach(names, (name) => {
      const tensor = operands[name] as AnyTensor;
      if (!isDeviceTensor(tensor)) {
        host[name] = tensor;
        return;
      }
      const copy: Tensor = {
        dtype: tensor.dtype,
        shape: tensor.shape,
        data: allocate(tensor.dtype, sizeOf(tensor.shape)),
      };
      host[name] = copy;
      return this.#host.device.read(bufferOf(name, tensor, this.#host.device), copy.data, copy);
    });
    return chain(fetched, () => {
      throw firstInvalid(this.#loss, this.#bound.shapes, host, count);
    });
  }
}

function gradientPlaces(into: Into): Record<string, AnyTensor | undefined> {
  return Object.fromEntries(
    Object.entries(into.gradients ?? {}).map(([name, place]) => [`gradient:${name}`, place]),
  );
}

function gradientsOnly(results: ReadonlyMap<string, AnyTensor>): ReadonlyMap<string, AnyTensor> {
  return new Map([...results].filter(([name]) => name !== 'value'));
}

function checkAgainst(
  subject: string,
  tensor: AnyTensor | undefined,
  spec: TensorSpec,
  device: Device,
): void {
  if (tensor === undefined) {
    throw new OperandError({
      subject,
      found: 'nothing',
      expected: `${spec.dtype} of shape ${formatShape(spec.shape)}`,
    });
  }
  if (isDeviceTensor(tensor)) bufferOf(subject, tensor, device);
  else checkTensor(subject, tensor);
  if (tensor.dtype !== spec.dtype) {
    throw new DTypeError({ subject, found: `dtype ${tensor.dtype}`, expected: spec.dtype });
  }
  if (tensor.shape.length !== spec.shape.length || tensor.shape.some((size, i) => size !== spec.shape[i])) {
    throw new ShapeError({
      subject,
      found: `shape ${formatShape(tensor.shape)}`,
      expected: `${formatShape(spec.shape)}, for which the loss was compiled`,
    });
  }
}
