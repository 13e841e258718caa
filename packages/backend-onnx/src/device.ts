import {
  CapabilityError,
  DisposedError,
  type Accuracy,
  type Bindings,
  type Capabilities,
  type DType,
  type DataOf,
  type Device,
  type Kernel,
  type Tensor,
  type TensorSpec,
} from '@softxent/core';
import { sumOf, type Plan } from '@softxent/core/plan';
import { TRAITS, type ProviderTraits } from './dialects.js';
import type { Memory } from './memory.js';
import { dimsOf } from './render/forms.js';
import { planGraph, totalName, type GraphInput, type PlanGraph } from './render/plan.js';
import { backendName } from './runtime/load.js';
import {
  openSession,
  type GpuTensor,
  type HostTensor,
  type OpenOptions,
  type OrtSession,
} from './runtime/index.js';

interface SharedSession {
  users: number;
  readonly session: Promise<OrtSession>;
}

/** A device of the ONNX backend; see `onnx()`. */
export class OnnxDevice<Buffer> implements Device<Buffer> {
  readonly description: string;
  readonly capabilities: Capabilities;
  readonly accuracy: Accuracy;
  readonly borrow?: (tensor: Tensor) => Buffer;
  readonly view?: (buffer: Buffer) => DataOf;
  readonly #memory: Memory<Buffer>;
  readonly #options: OpenOptions;
  readonly #traits: ProviderTraits;
  readonly #sessions = new Map<string, SharedSession>();
  readonly #closing = new Set<Promise<void>>();
  #disposed = false;

  /** @internal */
  constructor(options: OpenOptions, memory: Memory<Buffer>) {
    const { provider, threads } = options;
    this.#memory = memory;
    if (memory.borrow !== undefined) this.borrow = memory.borrow;
    if (memory.view !== undefined) this.view = memory.view;
    this.#options = options;
    this.#traits = TRAITS[provider];
    this.accuracy = this.#traits.accuracy;
    const { floats, deterministic } = this.#traits;
    this.capabilities = {
      predictions: floats,
      targets: [...floats, 'uint8', 'int32'],
      weights: floats,
      deterministic: deterministic && threads === 1,
      memory: memory.kind,
      ...(threads === undefined ? {} : { threads }),
    };
    this.description = `${backendName(provider)} (ONNX Runtime)`;
  }

  /**
   * Renders the plan and loads the graph, or takes the session of an earlier plan that differs in sizes alone.
   *
   * @throws {CapabilityError} for a dtype that the provider has no kernels for
   */
  async compile(plan: Plan): Promise<Kernel<Buffer>> {
    if (this.#disposed) throw new DisposedError('the ONNX device');
    this.#check(plan);
    const rendered = planGraph(plan, this.#traits.dialect);
    const bytes = rendered.graph.toBytes();
    const key = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    let shared = this.#sessions.get(key);
    if (shared === undefined) {
      shared = { users: 0, session: openSession(bytes, this.#options) };
      this.#sessions.set(key, shared);
    }
    shared.users++;
    const release = (): void => {
      shared.users--;
      if (shared.users > 0) return;
      this.#sessions.delete(key);
      // Nobody can do anything about a session that does not close; one that failed to open is gone already.
      const closing = shared.session.then((session) => session.close()).catch(() => undefined);
      this.#closing.add(closing);
      void closing.then(() => this.#closing.delete(closing));
    };
    try {
      return new OnnxKernel(plan, rendered, await shared.session, this.#memory, release);
    } catch (error) {
      this.#sessions.delete(key);
      throw error;
    }
  }

  allocate(spec: TensorSpec): Buffer {
    return this.#memory.allocate(spec);
  }

  write(buffer: Buffer, data: DataOf, spec: TensorSpec): void {
    this.#memory.write(buffer, data, spec);
  }

  read(buffer: Buffer, into: DataOf, spec: TensorSpec): void | Promise<void> {
    return this.#memory.read(buffer, into, spec);
  }

  free(buffer: Buffer): void {
    this.#memory.free(buffer);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { session } of sessions) await (await session).close();
    await Promise.all(this.#closing);
  }

  #check(plan: Plan): void {
    const { floats } = this.#traits;
    const allowed: readonly DType[] = [...floats, 'uint8', 'int32'];
    for (const { name, dtype } of plan.operands) {
      if (!allowed.includes(dtype)) {
        throw new CapabilityError(
          backendName(this.#options.provider),
          `${name} of dtype ${dtype}`,
          `this provider computes with ${allowed.join(', ')}`,
        );
      }
    }
  }
}

class OnnxKernel<Buffer> implements Kernel<Buffer> {
  readonly #plan: Plan;
  readonly #inputs: readonly GraphInput[];
  readonly #session: OrtSession;
  readonly #memory: Memory<Buffer>;
  readonly #release: () => void;
  /** Inputs that are the same in every run. */
  readonly #fixed: Readonly<Record<string, HostTensor>>;
  #disposed = false;

  constructor(
    plan: Plan,
    { inputs }: PlanGraph,
    session: OrtSession,
    memory: Memory<Buffer>,
    release: () => void,
  ) {
    this.#plan = plan;
    this.#inputs = inputs;
    this.#session = session;
    this.#memory = memory;
    this.#release = release;
    this.#fixed = Object.fromEntries(inputs.flatMap((input) => fixedInput(input)));
  }

  async run({ operands, outputs, scale }: Bindings<Buffer>): Promise<readonly number[]> {
    const memory = this.#memory;
    const feeds: Record<string, HostTensor | GpuTensor> = { ...this.#fixed };
    for (const { name, dtype, shape, source } of this.#inputs) {
      if (source === 'scale') feeds[name] = numbers(dtype, shape, [scale]);
      if (source === 'operand') feeds[name] = memory.input(operands[name]!, dtype, shape);
    }
    const places: Record<string, GpuTensor> = {};
    for (const { name, dtype, level } of this.#plan.outputs) {
      const place = memory.place(outputs[name]!, dtype, dimsOf(this.#plan.layout, level));
      if (place !== undefined) places[name] = place;
    }
    const results = await this.#session.runInto(feeds, places);
    for (const { name } of this.#plan.outputs) {
      if (places[name] === undefined) memory.take(outputs[name]!, results[name]!.data as DataOf);
    }
    return this.#plan.totals.map(({ name }) =>
      sumOf(results[totalName(name)]!.data as Float32Array | Float64Array),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release();
  }
}

function fixedInput({ name, dtype, shape, source, sizes }: GraphInput): [string, HostTensor][] {
  if (source === 'sizes')
    return [[name, { dtype: 'int64', shape, data: BigInt64Array.from(sizes ?? [], BigInt) }]];
  if (source === 'position')
    return [
      [
        name,
        numbers(
          dtype,
          shape,
          Array.from({ length: shape[1] ?? 0 }, (_, i) => i),
        ),
      ],
    ];
  return [];
}

function numbers(
  dtype: GraphInput['dtype'],
  shape: readonly number[],
  values: readonly number[],
): HostTensor {
  return dtype === 'float64'
    ? { dtype, shape, data: Float64Array.from(values) }
    : { dtype: 'float32', shape, data: Float32Array.from(values) };
}
