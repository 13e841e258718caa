import { DeviceError, DisposedError, SoftxentError } from '@softxent/core';
import { GraphBuilder, type DataOf, type GraphDType } from '../graph/index.js';
import { backendName, inNode, loadOrt, messageOf, unavailable, type Provider } from './load.js';
import type { OrtInferenceSession, OrtModule, OrtSessionOptions, OrtTensor } from './ort.js';

/** A tensor in host memory, as sessions take and give it. */
export type HostTensor = {
  readonly [D in GraphDType]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    /** Row-major elements; float16 as bits, bool as 0 or 1. */
    readonly data: DataOf[D];
  };
}[GraphDType];

/** A tensor in a GPUBuffer of the device that ONNX Runtime's WebGPU provider uses (browsers only). */
export interface GpuTensor {
  readonly dtype: GraphDType;
  readonly shape: readonly number[];
  readonly gpuBuffer: object;
}

/** How a session is opened. */
export interface OpenOptions {
  provider: Provider;
  /** Threads inside one operator (`cpu`, `wasm`). Default: ONNX Runtime's choice, which is every core. `wasm`: the first session of a process decides for all. */
  threads?: number;
  /**
   * `cpu` only: idle threads wait in a busy loop. Default true (ONNX Runtime's default): 20 % faster on a quiet machine, several
   * times slower where another process wants the cores.
   */
  spinning?: boolean;
  /** Graph optimisations. Default `'all'`. */
  optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** `cuda` only: the device's number. Default 0. */
  deviceId?: number;
  /** Let nodes that the provider has no kernel for run on the CPU. Default false: they are an error. */
  allowCpuNodes?: boolean;
  /** Sizes for symbolic dimensions, which lets ONNX Runtime plan memory ahead. */
  dimensions?: Readonly<Record<string, number>>;
  /** Writes ONNX Runtime's profile to a file with this prefix when the session closes (Node only). */
  profilePrefix?: string;
  /** What ONNX Runtime prints. Default 'error'. */
  logLevel?: 'verbose' | 'info' | 'warning' | 'error' | 'fatal';
}

/** A graph that ONNX Runtime cannot load: `code` is `ONNX_GRAPH`. */
export class OnnxGraphError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('ONNX_GRAPH', message, options);
  }
}

const LEVELS = { verbose: 0, info: 1, warning: 2, error: 3, fatal: 4 } as const;

function ortOptions(options: OpenOptions): OrtSessionOptions {
  const {
    provider,
    threads,
    spinning,
    optimization = 'all',
    allowCpuNodes = false,
    dimensions,
    logLevel = 'error',
  } = options;
  const only = provider !== 'cpu' && provider !== 'wasm';
  const session: Record<string, unknown> = {};
  if (only && !allowCpuNodes) session['disable_cpu_ep_fallback'] = '1';
  if (provider === 'cpu' && spinning === false) session['intra_op'] = { allow_spinning: '0' };
  return {
    executionProviders: [provider === 'cuda' ? { name: 'cuda', deviceId: options.deviceId ?? 0 } : provider],
    graphOptimizationLevel: optimization,
    logSeverityLevel: LEVELS[logLevel],
    extra: { session },
    ...(threads !== undefined && provider === 'cpu' ? { intraOpNumThreads: threads } : {}),
    ...(dimensions === undefined ? {} : { freeDimensionOverrides: dimensions }),
    ...(options.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}

let tail: Promise<unknown> = Promise.resolve();

/**
 * One call at a time into onnxruntime-web's WebGPU build: its WebAssembly suspends inside a call, and a second call during that
 * corrupts its memory, whatever session it belongs to.
 */
function exclusively<T>(provider: Provider, call: () => Promise<T>): Promise<T> {
  if (provider !== 'webgpu' || inNode()) return call();
  const result = tail.then(call);
  tail = result.catch(() => undefined);
  return result;
}

/** Settled by the first wasm session of the process; ONNX Runtime builds its pool once. */
let wasmThreads: number | undefined;

function setWasmThreads(ort: OrtModule, threads: number | undefined): void {
  if (threads === undefined) {
    wasmThreads ??= ort.env.wasm.numThreads ?? 0;
    return;
  }
  if (wasmThreads !== undefined && wasmThreads !== threads) {
    throw new OnnxGraphError(
      `threads: ${threads} asked for, but ONNX Runtime's WebAssembly pool of this process was opened with ${wasmThreads || 'its default'}; it cannot be changed`,
    );
  }
  ort.env.wasm.numThreads = threads;
  wasmThreads = threads;
}

/** One loaded graph on one provider. Made by {@link openSession}. */
export class OrtSession implements AsyncDisposable {
  readonly provider: Provider;
  readonly #ort: OrtModule;
  #session: OrtInferenceSession | undefined;
  readonly #profiling: boolean;
  readonly #running = new Set<Promise<unknown>>();

  /** @internal */
  constructor(ort: OrtModule, session: OrtInferenceSession, options: OpenOptions) {
    this.#ort = ort;
    this.#session = session;
    this.provider = options.provider;
    this.#profiling = options.profilePrefix !== undefined;
  }

  /** Names of the graph's inputs, in order. */
  get inputNames(): readonly string[] {
    return this.#open().inputNames;
  }

  /** Names of the graph's outputs, in order. */
  get outputNames(): readonly string[] {
    return this.#open().outputNames;
  }

  /**
   * Runs the graph. Inputs are read where they lie (a SharedArrayBuffer, which ONNX Runtime refuses, is copied first); outputs are
   * new arrays. In Node the event loop stands still meanwhile. `fetches` restricts which outputs are brought to the host.
   *
   * @throws {DeviceError} where ONNX Runtime refuses the inputs or fails
   */
  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, HostTensor>> {
    const wanted = fetches ?? this.outputNames;
    return this.#run(feeds, Object.fromEntries(wanted.map((name) => [name, null])));
  }

  /**
   * Runs the graph with tensors on the GPU (provider `webgpu` in browsers) among its inputs and as places of outputs. Outputs without a place
   * come to the host.
   *
   * @throws {DeviceError} where ONNX Runtime refuses the inputs or fails
   */
  async runInto(
    feeds: Readonly<Record<string, HostTensor | GpuTensor>>,
    places: Readonly<Record<string, GpuTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const fetches: Record<string, OrtTensor | null> = {};
    for (const name of this.outputNames) {
      const place = places[name];
      fetches[name] = place === undefined ? null : this.#toOrt(place);
    }
    return this.#run(feeds, fetches);
  }

  async #run(
    feeds: Readonly<Record<string, HostTensor | GpuTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Record<string, HostTensor>> {
    const session = this.#open();
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) inputs[name] = this.#toOrt(tensor);
    const running = exclusively(this.provider, async () => {
      const outputs = await session.run(inputs, fetches);
      const results: Record<string, HostTensor> = {};
      for (const [name, value] of Object.entries(outputs)) {
        if (fetches[name] === null) results[name] = await fromOrt(value);
      }
      return results;
    });
    this.#running.add(running);
    try {
      return await running;
    } catch (cause) {
      throw new DeviceError(backendName(this.provider), messageOf(cause), { cause });
    } finally {
      this.#running.delete(running);
    }
  }

  /** Waits for the runs under way, then frees the graph. With a profile asked for, writes it. Closing twice does nothing. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    if (session === undefined) return;
    await Promise.allSettled(this.#running);
    if (this.#profiling) session.endProfiling();
    await exclusively(this.provider, () => session.release());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): OrtInferenceSession {
    if (this.#session === undefined) throw new DisposedError('the ONNX session');
    return this.#session;
  }

  #toOrt(tensor: HostTensor | GpuTensor): OrtTensor {
    const { Tensor } = this.#ort;
    const { dtype, shape } = tensor;
    if ('gpuBuffer' in tensor)
      return Tensor.fromGpuBuffer(tensor.gpuBuffer, { dataType: dtype, dims: shape });
    const { data } = tensor;
    const shared =
      typeof SharedArrayBuffer !== 'undefined' &&
      (data.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
    return new Tensor(dtype, shared ? data.slice() : data, shape);
  }
}

async function fromOrt(tensor: OrtTensor): Promise<HostTensor> {
  const raw = (tensor.location === 'cpu' ? tensor.data : await tensor.getData(true)) as HostTensor['data'];
  // Where the engine has Float16Array, ONNX Runtime returns one; halves are bits everywhere else.
  const data =
    tensor.type === 'float16' && !(raw instanceof Uint16Array)
      ? new Uint16Array(
          (raw as Uint8Array<ArrayBuffer>).buffer,
          (raw as Uint8Array).byteOffset,
          (raw as Uint8Array).length,
        )
      : raw;
  return { dtype: tensor.type, shape: tensor.dims, data } as HostTensor;
}

const probed = new Map<string, Promise<void>>();

/**
 * Resolves where the provider works here, by running a graph of one node on it. `listSupportedBackends()` only says what was
 * compiled in.
 *
 * @throws {BackendUnavailableError} which says what is missing and how to get it
 */
export function probeProvider(
  options: Pick<OpenOptions, 'provider' | 'deviceId' | 'threads'>,
): Promise<void> {
  const key = `${options.provider}:${options.deviceId ?? 0}`;
  let result = probed.get(key);
  if (result === undefined) {
    result = probe(options);
    probed.set(key, result);
    // A driver may be installed, a page may come to the front: only success is remembered.
    result.catch(() => probed.delete(key));
  }
  return result;
}

async function probe(options: Pick<OpenOptions, 'provider' | 'deviceId' | 'threads'>): Promise<void> {
  const { provider } = options;
  const ort = await loadOrt(provider);
  if (provider === 'wasm') setWasmThreads(ort, options.threads);
  const g = new GraphBuilder({ name: 'probe' });
  g.output('y', g.mul(g.input('x', 'float32', [2]), 2));
  let y: HostTensor | undefined;
  try {
    const native = await ort.InferenceSession.create(
      g.toBytes(),
      ortOptions({ ...options, logLevel: 'fatal' }),
    );
    const session = new OrtSession(ort, native, options);
    ({ y } = await session.run({ x: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } }));
    // In browsers the last session takes the GPU device with it when it closes, and buffers on that device would be lost: this one stays.
    if (provider !== 'webgpu' || inNode()) await session.close();
  } catch (cause) {
    throw unavailable(provider, cause);
  }
  if (y?.dtype !== 'float32' || y.data[0] !== 2 || y.data[1] !== 4) {
    throw unavailable(
      provider,
      new Error(`a graph of one node (2 x) gave [${y?.data.join(', ') ?? ''}] for [1, 2]`),
    );
  }
}

/**
 * Loads a graph (the bytes of a .onnx file) on one provider, and on no other: where a node has no kernel there, this throws instead of
 * moving it to the CPU (see `allowCpuNodes`).
 *
 * @throws {BackendUnavailableError} where the package or the provider is missing
 * @throws {OnnxGraphError} where ONNX Runtime refuses the graph
 */
export async function openSession(model: Uint8Array<ArrayBuffer>, options: OpenOptions): Promise<OrtSession> {
  if (options.profilePrefix !== undefined && !inNode()) {
    throw new OnnxGraphError('profilePrefix: ONNX Runtime writes profiles in Node only');
  }
  const ort = await loadOrt(options.provider);
  if (options.provider === 'wasm') setWasmThreads(ort, options.threads);
  const { provider, deviceId, threads } = options;
  await probeProvider({
    provider,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(threads === undefined ? {} : { threads }),
  });
  try {
    const create = (): Promise<OrtInferenceSession> =>
      ort.InferenceSession.create(model, ortOptions(options));
    return new OrtSession(ort, await exclusively(options.provider, create), options);
  } catch (cause) {
    const message = messageOf(cause);
    const hint = /fallback to CPU EP has been explicitly disabled/.test(message)
      ? ` (some node has no ${options.provider} kernel; allowCpuNodes would let it run on the CPU)`
      : '';
    throw new OnnxGraphError(`ONNX Runtime (${options.provider}) refuses the graph: ${message}${hint}`, {
      cause,
    });
  }
}
