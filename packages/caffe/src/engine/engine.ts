import type { HostTensor, OrtSession } from '@softxent/backend-onnx/runtime';
import { openSession } from '@softxent/backend-onnx/runtime';
import { CaffeNetError } from '../errors.js';
import { Random } from '../fillers/index.js';
import type { LayerHost } from '../layers/index.js';
import type { Net, NetLayer } from '../net/net.js';
import { countOf } from '../net/shape.js';
import type { CompiledNet } from './compile.js';
import { compileNet, weightedTops } from './compile.js';
import type { NetProfile } from './profile.js';
import { profiled, ProfileError } from './profile.js';
import type { Blob, EngineOptions, Feeds, Pass, PassOptions } from './types.js';
import { readBlobFile } from '../weights/weight-file.js';

interface Loaded {
  readonly compiled: CompiledNet;
  readonly session: OrtSession;
}

/**
 * A net that can be run: forward, and backward to the gradients of its parameters. Graphs are compiled when they are
 * first needed and kept.
 *
 * ```ts
 * await using engine = new Engine(net, { threads: 2 });
 * const { loss } = await engine.forwardBackward({ data, label });
 * engine.gradients[0];                        // d loss / d params[0]
 * ```
 */
export class Engine implements AsyncDisposable {
  readonly net: Net;
  readonly options: EngineOptions;
  /** The parameters' values, in the order of `Net.learnable`. Write into them; layers with running statistics do, too. */
  readonly params: readonly Float32Array<ArrayBuffer>[];
  /** The gradients of the last backward pass, in the same order; zeros for what does not learn. */
  readonly gradients: Float32Array<ArrayBuffer>[];
  readonly #graphs = new Map<string, Promise<Loaded>>();
  readonly #states = new Map<string, Float32Array<ArrayBuffer>>();
  readonly #zeros: readonly Float32Array<ArrayBuffer>[];
  #step = 0;

  /** @throws CaffeNetError where `params` do not fit the net */
  constructor(net: Net, options: EngineOptions = {}) {
    this.net = net;
    this.options = options;
    const sizes = net.learnable.map(({ shape }) => countOf(shape));
    this.params = options.params ?? sizes.map((size) => new Float32Array(size));
    for (const [i, size] of sizes.entries()) {
      if (this.params[i]?.length !== size) {
        throw new CaffeNetError(
          `parameter ${i}: ${this.params[i]?.length ?? 'no'} values given, expected ${size}`,
        );
      }
    }
    this.#zeros = sizes.map((size) => new Float32Array(size));
    this.gradients = [...this.#zeros];
  }

  /** Runs the net forward. */
  async forward(feeds: Feeds, { blobs = [], step }: PassOptions = {}): Promise<Pass> {
    const loaded = await this.#load(false, blobs);
    const { outputs, external } = await this.#run(loaded, feeds, this.#next(step));
    return this.#pass(outputs, external);
  }

  /** Runs the net forward and backward; {@link Engine.gradients} then hold the gradients. */
  async forwardBackward(feeds: Feeds, { blobs = [], step }: PassOptions = {}): Promise<Pass> {
    const loaded = await this.#load(true, blobs);
    const { outputs, results, external } = await this.#run(loaded, feeds, this.#next(step));
    for (const [i, zeros] of this.#zeros.entries()) this.gradients[i] = zeros;
    for (const { name, learnable } of loaded.compiled.gradients) {
      this.gradients[learnable] = results[name]!.data as Float32Array<ArrayBuffer>;
    }
    return this.#pass(outputs, external);
  }

  /** Compiles and loads the graphs of a pass ahead of time. */
  async prepare({ backward, blobs = [] }: { backward: boolean; blobs?: readonly string[] }): Promise<void> {
    await this.#load(backward, blobs);
  }

  /** Frees the graphs. Closing twice does nothing. */
  async close(): Promise<void> {
    const graphs = [...this.#graphs.values()];
    this.#graphs.clear();
    for (const graph of graphs) await (await graph).session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #next(step: number | undefined): number {
    const now = step ?? this.#step;
    this.#step = now + 1;
    return now;
  }

  #load(backward: boolean, blobs: readonly string[], only = false): Promise<Loaded> {
    const key = JSON.stringify([backward, only, blobs.toSorted()]);
    let loaded = this.#graphs.get(key);
    if (!loaded) {
      loaded = this.#open(backward, blobs, only);
      this.#graphs.set(key, loaded);
      loaded.catch(() => this.#graphs.delete(key));
    }
    return loaded;
  }

  /**
   * Runs forward and backward under ONNX Runtime's profiler and tells what each layer takes. Nodes are timed one by one as the graph
   * runs them, on the CPU: a layer that is fused into the one before it (ReLU into a convolution), or that moves nothing, takes 0.
   * @param passes how many are averaged, after `warmUp` more
   * @throws ProfileError on other providers, and where a loss is computed outside the graph
   */
  async profile(
    feeds: Feeds,
    { passes, warmUp = 1 }: { passes: number; warmUp?: number },
  ): Promise<NetProfile> {
    const { provider = 'cpu', externalLoss } = this.options;
    if (provider !== 'cpu') {
      throw new ProfileError(
        `ONNX Runtime tells when it starts a node on ${provider}, not how long it takes`,
      );
    }
    if (this.net.layers.some((layer) => externalLoss?.handles(layer))) {
      throw new ProfileError('a loss outside the graph cuts the net into two graphs, which share layers');
    }
    return profiled(this.net, { passes, warmUp }, async (profilePrefix) => {
      const loaded = await this.#open(true, [], false, profilePrefix);
      return { ...loaded, run: () => this.#run(loaded, feeds, this.#next(undefined)) };
    });
  }

  async #open(
    backward: boolean,
    blobs: readonly string[],
    only: boolean,
    profilePrefix?: string,
  ): Promise<Loaded> {
    const { provider = 'cpu', threads, spinning, deviceId, allowCpuNodes, externalLoss } = this.options;
    const compiled = compileNet(this.net, {
      backward,
      blobs,
      only,
      provider,
      host: await this.#host(),
      ...(externalLoss && { external: (layer: NetLayer) => externalLoss.handles(layer) }),
    });
    const session = await openSession(compiled.graph.builder.toBytes(), {
      provider,
      // Not 'all': that lays the constant kernels of weight gradients out in blocks of 16 channels, and everything with them.
      optimization: 'extended',
      ...(threads !== undefined && { threads }),
      ...(spinning !== undefined && { spinning }),
      ...(deviceId !== undefined && { deviceId }),
      ...(allowCpuNodes !== undefined && { allowCpuNodes }),
      ...(profilePrefix !== undefined && { profilePrefix }),
    });
    return { compiled, session };
  }

  /** What layers read from files, read ahead. */
  async #host(): Promise<LayerHost> {
    const { readBlob = readBlobFile, caffeIgnoreQuirk = false } = this.options;
    const files = new Map<string, Awaited<ReturnType<typeof readBlob>>>();
    for (const { type, param, bottoms } of this.net.layers) {
      const { source } = param.infogain_loss_param;
      if (type === 'InfogainLoss' && bottoms.length === 2 && source !== '') {
        files.set(source, await readBlob(source));
      }
    }
    return { caffeIgnoreQuirk, readBlob: (path) => files.get(path)! };
  }

  async #run(
    { compiled, session }: Loaded,
    feeds: Feeds,
    step: number,
  ): Promise<{
    results: Record<string, HostTensor>;
    outputs: Map<number, Blob>;
    external: Map<number, number>;
  }> {
    const inputs = this.#feeds(compiled, feeds, step);
    const external = await this.#external(compiled, feeds, step, inputs);
    const results = await session.run(inputs);
    for (const { name, learnable } of compiled.updates) {
      this.params[learnable]!.set(results[name]!.data as Float32Array);
    }
    for (const { key, next } of compiled.states) {
      this.#states.set(key, results[next]!.data as Float32Array<ArrayBuffer>);
    }
    const outputs = new Map(
      compiled.outputs.map(({ name, blob }) => {
        const { shape, data } = results[name]!;
        return [blob, { shape, data: data as Float32Array<ArrayBuffer> }];
      }),
    );
    return { results, outputs, external };
  }

  #feeds(compiled: CompiledNet, feeds: Feeds, step: number): Record<string, HostTensor> {
    const inputs: Record<string, HostTensor> = {};
    const put = (name: string, shape: readonly number[], data: Float32Array<ArrayBuffer>): void => {
      inputs[name] = { dtype: 'float32', shape, data };
    };
    for (const { name, shape, blob } of compiled.inputs) {
      put(name, shape, checkedFeed(this.net.blobs[blob]!.name, shape, feeds));
    }
    for (const { name, shape, learnable } of compiled.params) put(name, shape, this.params[learnable]!);
    for (const [i, { name, shape, keep, scale }] of compiled.randoms.entries()) {
      put(name, shape, randomMask(countOf(shape), keep, scale, new Random(this.options.seed ?? 0, step, i)));
    }
    for (const { name, shape, key } of compiled.states) {
      put(name, shape, this.#states.get(key) ?? new Float32Array(countOf(shape)));
    }
    return inputs;
  }

  /** Computes the losses outside the graph and feeds their gradients. */
  async #external(
    compiled: CompiledNet,
    feeds: Feeds,
    step: number,
    inputs: Record<string, HostTensor>,
  ): Promise<Map<number, number>> {
    const values = new Map<number, number>();
    const { externalLoss } = this.options;
    if (!externalLoss) return values;
    const layers = this.net.layers.filter((layer) => externalLoss.handles(layer));
    const nameOf = (id: number): string => this.net.blobs[id]!.name;
    const wanted = [...new Set(layers.flatMap(({ bottoms }) => bottoms.map(nameOf)))];
    if (wanted.length === 0) return values;
    const loaded = await this.#load(false, wanted, true);
    const results = await loaded.session.run(this.#feeds(loaded.compiled, feeds, step));
    const blobs = new Map(
      loaded.compiled.outputs.map(({ name, blob }) => [blob, results[name] as unknown as Blob]),
    );
    for (const layer of layers) {
      const weight = layer.lossWeights[0] ?? 0;
      const bottoms = layer.bottoms.map((id) => blobs.get(id)!);
      const { value, gradient } = await externalLoss.compute(layer, bottoms, weight);
      values.set(layer.tops[0]!, value);
      const port = compiled.externals.find((each) => each.layer === layer);
      if (port)
        inputs[port.name] = { dtype: 'float32', shape: port.shape, data: Float32Array.from(gradient) };
    }
    return values;
  }

  #pass(outputs: ReadonlyMap<number, Blob>, external: ReadonlyMap<number, number>): Pass {
    const all = new Map(outputs);
    for (const [id, value] of external) all.set(id, { shape: [], data: Float32Array.of(value) });
    let loss = 0;
    const blobs = new Map<string, Blob>();
    const automatic = new Map<number, string>();
    for (const { layer, blob, weight } of weightedTops(this.net)) {
      const exact = external.get(blob);
      if (exact !== undefined) loss += weight * exact;
      else for (const value of all.get(blob)?.data ?? []) loss += weight * value;
      if (layer.param.top.length === 0) automatic.set(blob, `${layer.name}(automatic)`);
    }
    for (const [id, value] of all) blobs.set(automatic.get(id) ?? this.net.blobs[id]!.name, value);
    return { loss, blobs };
  }
}

function checkedFeed(name: string, shape: readonly number[], feeds: Feeds): Float32Array<ArrayBuffer> {
  const feed = feeds[name];
  if (feed === undefined) {
    throw new CaffeNetError(`nothing is fed for the blob '${name}' [${shape.join(' ')}]`);
  }
  const data = feed instanceof Float32Array ? feed : feed.data;
  if (data.length !== countOf(shape)) {
    throw new CaffeNetError(
      `the blob '${name}' is fed with ${data.length} numbers, expected ${countOf(shape)} [${shape.join(' ')}]`,
    );
  }
  return data as Float32Array<ArrayBuffer>;
}

function randomMask(size: number, keep: number, scale: number, random: Random): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(size);
  // 32 random bits an element are enough, and half the work of a uniform number.
  const limit = keep * 4294967296;
  for (let i = 0; i < size; i++) mask[i] = random.uint32() < limit ? scale : 0;
  return mask;
}
