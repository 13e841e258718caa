import {
  CapabilityError,
  DeviceError,
  DisposedError,
  float16ToNumber,
  numberToFloat16,
  sizeOf,
  SoftxentError,
  type Accuracy,
  type Bindings,
  type Capabilities,
  type DataOf,
  type Device,
  type DType,
  type Kernel,
  type SyncDevice,
  type SyncKernel,
  type Tensor,
  type TensorSpec,
} from '@softxent/core';
import { sumOf, type Plan } from '@softxent/core/plan';
import { withBackend } from './engine.js';
import { renderPlan, type PlanResults } from './render/plan.js';
import type { TensorFlow, TfTensor } from './tf.js';
import type { BackendTraits } from './traits.js';

/**
 * A buffer of a TensorFlow.js device: a flat float32 tensor (none yet: zeros), or host memory for one run. TensorFlow.js has neither
 * half precision nor bytes; what it computes with is always float32.
 */
export interface TfBuffer {
  readonly spec: TensorSpec;
  tensor: TfTensor | undefined;
  readonly host: DataOf | undefined;
}

const predictions: readonly DType[] = ['float32', 'float16'];
const targets: readonly DType[] = [...predictions, 'uint8', 'int32'];

/** What devices with and without promises share. */
abstract class AnyTfDevice {
  readonly description: string;
  readonly capabilities: Capabilities;
  readonly accuracy: Accuracy;
  protected readonly tf: TensorFlow;
  protected readonly traits: BackendTraits;
  readonly #buffers = new Set<TfBuffer>();
  #isDisposed = false;

  constructor(tf: TensorFlow, traits: BackendTraits) {
    this.tf = tf;
    this.traits = traits;
    this.description = `tfjs (${traits.backend})`;
    this.accuracy = traits.accuracy;
    this.capabilities = {
      predictions,
      targets,
      weights: predictions,
      deterministic: traits.deterministic,
      memory: 'device',
    };
  }

  allocate(spec: TensorSpec): TfBuffer {
    const buffer: TfBuffer = { spec, tensor: undefined, host: undefined };
    this.#buffers.add(buffer);
    return buffer;
  }

  write(buffer: TfBuffer, data: DataOf, spec: TensorSpec): void {
    // A copy: TensorFlow.js keeps, or uploads later, the array that it is given.
    const copy = spec.dtype === 'float32' ? Float32Array.from(data) : toFloat32(data, spec.dtype);
    this.onBackend(() => replace(buffer, this.tf.keep(this.tf.tensor(copy, [copy.length], 'float32'))));
  }

  free(buffer: TfBuffer): void {
    replace(buffer, undefined);
    this.#buffers.delete(buffer);
  }

  /** Operands are read from host memory, and results written there, without tensors that outlive the run. */
  borrow(tensor: Tensor): TfBuffer {
    return { spec: tensor, tensor: undefined, host: tensor.data };
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const buffer of this.#buffers) replace(buffer, undefined);
    this.#buffers.clear();
  }

  /** Runs `use` with this device's backend as the current one. */
  protected onBackend<T>(use: () => T): T {
    if (this.#isDisposed) throw new DisposedError('the TensorFlow.js device');
    try {
      return withBackend(this.tf, this.traits.backend, use);
    } catch (error) {
      throw asDeviceError(this.traits.backend, error);
    }
  }

  /** The first half of a run: everything but fetching results. */
  protected computer(plan: Plan): (bindings: Bindings<TfBuffer>) => PlanResults {
    for (const { name, dtype } of plan.operands) {
      if (targets.includes(dtype) || name in plan.constants) continue;
      throw new CapabilityError(
        `tfjs-${this.traits.backend}`,
        `${name} of dtype ${dtype}`,
        `TensorFlow.js computes in float32; operands may be ${targets.join(', ')}`,
      );
    }
    const { tf } = this;
    const compute = renderPlan(tf, plan, this.traits.dialect);
    return ({ operands, scale }) =>
      this.onBackend(() => {
        const results: { kept?: PlanResults } = {};
        tf.tidy(() => {
          const kept = compute({ operand: (name) => this.#operand(operands[name] as TfBuffer), scale });
          for (const tensor of kept.outputs) tf.keep(tensor);
          for (const { rows } of kept.totals) tf.keep(rows);
          results.kept = kept;
        });
        return results.kept as PlanResults;
      });
  }

  #operand({ spec, tensor, host }: TfBuffer): TfTensor {
    if (tensor !== undefined) return tensor;
    const size = sizeOf(spec.shape);
    if (host === undefined) return this.tf.zeros([size], 'float32');
    return this.tf.tensor(toFloat32(host, spec.dtype), [size], 'float32');
  }
}

/** A device whose results are fetched at once (`dataSync`); see `tfjs()`. */
export class SyncTfDevice extends AnyTfDevice implements SyncDevice<TfBuffer> {
  compile(plan: Plan): SyncKernel<TfBuffer> {
    const compute = this.computer(plan);
    return {
      run: (bindings) => {
        const results = compute(bindings);
        return this.onBackend(() => {
          try {
            store(plan, bindings, results, (tensor) => tensor.dataSync() as Float32Array);
            return results.totals.map(({ rows, times }) => times * sumOf(rows.dataSync()));
          } finally {
            discard(plan, bindings, results);
          }
        });
      },
      dispose: () => undefined,
    };
  }

  read(buffer: TfBuffer, into: DataOf, spec: TensorSpec): void {
    if (buffer.tensor === undefined) into.fill(0);
    else
      fromFloat32(
        this.onBackend(() => (buffer.tensor as TfTensor).dataSync() as Float32Array),
        into,
        spec.dtype,
      );
  }
}

/** A device whose results are fetched with promises (`data`); see `tfjs()`. */
export class TfDevice extends AnyTfDevice implements Device<TfBuffer> {
  async compile(plan: Plan): Promise<Kernel<TfBuffer>> {
    const compute = this.computer(plan);
    return {
      run: async (bindings) => {
        const results = compute(bindings);
        try {
          // All at once: each wait for the device costs more than what is fetched.
          const wanted = results.outputs.filter(
            (_, i) => bindings.outputs[plan.outputs[i]?.name ?? '']?.host !== undefined,
          );
          const [numbers, rows] = await Promise.all([
            Promise.all(wanted.map((tensor) => this.#fetch(tensor))),
            Promise.all(results.totals.map((total) => this.#fetch(total.rows))),
          ]);
          const fetched = new Map(wanted.map((tensor, i) => [tensor, numbers[i] as Float32Array]));
          const totals = results.totals.map(({ times }, i) => times * sumOf(rows[i] as Float32Array));
          store(plan, bindings, results, (tensor) => fetched.get(tensor) as Float32Array);
          return totals;
        } finally {
          discard(plan, bindings, results);
        }
      },
      dispose: () => undefined,
    };
  }

  async read(buffer: TfBuffer, into: DataOf, spec: TensorSpec): Promise<void> {
    if (buffer.tensor === undefined) into.fill(0);
    else fromFloat32(await this.#fetch(buffer.tensor), into, spec.dtype);
  }

  async #fetch(tensor: TfTensor): Promise<Float32Array> {
    try {
      return (await tensor.data()) as Float32Array;
    } catch (error) {
      throw asDeviceError(this.traits.backend, error);
    }
  }
}

function asDeviceError(backend: string, error: unknown): SoftxentError {
  if (error instanceof SoftxentError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DeviceError(`tfjs-${backend}`, message, { cause: error });
}

/**
 * Puts results where they belong: copies to host memory, tensors themselves into buffers. No operation of TensorFlow.js here: with promises,
 * another backend may be the current one by now, and tensors would move to it.
 */
function store(
  plan: Plan,
  { outputs }: Bindings<TfBuffer>,
  results: PlanResults,
  fetch: (tensor: TfTensor) => Float32Array,
): void {
  for (const [i, { name, dtype }] of plan.outputs.entries()) {
    const tensor = results.outputs[i] as TfTensor;
    const buffer = outputs[name] as TfBuffer;
    if (buffer.host !== undefined) fromFloat32(fetch(tensor), buffer.host, dtype);
    else replace(buffer, tensor);
  }
}

/** Disposes of all results but those that a buffer holds now. */
function discard(plan: Plan, bindings: Bindings<TfBuffer>, { outputs, totals }: PlanResults): void {
  for (const [i, { name }] of plan.outputs.entries()) {
    if (bindings.outputs[name]?.tensor !== outputs[i]) outputs[i]?.dispose();
  }
  for (const { rows } of totals) rows.dispose();
}

function replace(buffer: TfBuffer, tensor: TfTensor | undefined): void {
  buffer.tensor?.dispose();
  buffer.tensor = tensor;
}

/** Numbers as float32; the array itself where it holds them already. */
function toFloat32(data: DataOf, dtype: DType): Float32Array {
  if (data instanceof Float32Array) return data;
  return dtype === 'float16'
    ? Float32Array.from(data, (bits) => float16ToNumber(bits))
    : Float32Array.from(data);
}

function fromFloat32(numbers: Float32Array, into: DataOf, dtype: DType): void {
  if (dtype !== 'float16') {
    into.set(numbers);
    return;
  }
  for (const [i, value] of numbers.entries()) into[i] = numberToFloat16(value);
}
