import type { Batch, BatchSource, BatchTensor, SourceOptions } from '../data/index.js';
import { openBatchSource, prefetch, sourceLayerTypes } from '../data/index.js';
import type { EngineOptions, Feeds } from '../engine/index.js';
import { CaffeNetError } from '../errors.js';
import { fill, Random } from '../fillers/index.js';
import { isSource, layerTypes } from '../layers/index.js';
import { buildNet } from '../net/build.js';
import type { Shape } from '../net/layer-spec.js';
import { layerContext, layerReference } from '../net/layer-spec.js';
import type { Net } from '../net/net.js';
import { countOf } from '../net/shape.js';
import { filterNet } from '../net/state.js';
import type { LayerParameter, NetParameter, NetState } from '../schema/messages.js';
import { upgradeNet } from '../upgrade/upgrade.js';
import type { ClassTotals } from './constant.js';
import type { Watch } from './shaped-engine.js';
import { ShapedEngine } from './shaped-engine.js';
import { Targets } from './targets.js';

/** Opens data for an input layer in place of the layer's own; `undefined` leaves the layer its own. */
export type OpenFeed = (
  layer: LayerParameter,
  shapes: readonly Shape[],
  options: SourceOptions,
) => Promise<BatchSource | undefined>;

/** How to open a net with its data. */
export interface DataNetOptions {
  readonly param: NetParameter;
  readonly state: NetState;
  /** Seeds fillers, data and Dropout. Default 0. */
  readonly seed?: number;
  /** What file names in layers are relative to. Default: the current folder, as in Caffe. */
  readonly folder?: string;
  readonly engine?: Omit<EngineOptions, 'params' | 'seed'>;
  /** Data for Input and MemoryData layers, or in place of a layer's own. */
  readonly feed?: OpenFeed;
  /** Parameters to share, where the net that is opened has the same (a test net's with its train net's). */
  readonly share?: Net & { readonly values: readonly Float32Array<ArrayBuffer>[] };
  /** How many batches to read ahead. Default 1. */
  readonly ahead?: number;
  /** Told of what has no effect. */
  readonly warn?: (message: string) => void;
}

/** The stream of random numbers that fillers draw from; data layers use 0 to 3. */
const FILLERS = 4;

async function openSource(
  layer: LayerParameter,
  { seed = 0, folder, feed, warn, state }: DataNetOptions,
): Promise<BatchSource> {
  const options: SourceOptions = {
    phase: state.phase,
    seed,
    ...(folder !== undefined && { folder }),
    ...(warn && { warn }),
  };
  const own = sourceLayerTypes.includes(layer.type);
  if (feed) {
    // What a layer reads is not known before it is opened; only Input and MemoryData say their shapes themselves.
    const shapes = own
      ? []
      : layerTypes.get(layer.type)!.shapes(layerContext(layer, [], layer.top.length)).tops;
    const source = await feed(layer, shapes, options);
    if (source) return source;
  }
  if (own) return openBatchSource(layer, options);
  const blobs = layer.top.map((name) => `'${name}'`).join(' and ');
  throw new CaffeNetError(
    `nothing feeds its blobs ${blobs}: give a folder of data, or use a layer that reads data (${sourceLayerTypes.join(', ')})`,
    layerReference(layer),
  );
}

/** Starting values of a net's parameters, from its fillers. */
export function filledParams(net: Net, seed = 0): Float32Array<ArrayBuffer>[] {
  return net.learnable.map(({ filler, shape, param }, i) => {
    try {
      return fill(filler, shape, new Random(seed, FILLERS, i)) as Float32Array<ArrayBuffer>;
    } catch (cause) {
      const layer = net.layers[net.params[param]!.layer]!;
      throw new CaffeNetError((cause as Error).message, layerReference(layer.param), { cause });
    }
  });
}

/** The net's parameters: those of `share` where layers have the same name, else its fillers'. */
function sharedParams(net: Net, seed: number, share: DataNetOptions['share']): Float32Array<ArrayBuffer>[] {
  const params = filledParams(net, seed);
  for (const layer of net.layers) {
    const other = share?.layers.find(({ name }) => name === layer.name);
    if (!share || !other || layer.params.length === 0) continue;
    if (other.params.length !== layer.params.length) {
      throw new CaffeNetError(
        `has ${layer.params.length} parameters here and ${other.params.length} in the net that is trained`,
        layerReference(layer.param),
      );
    }
    for (const [position, id] of layer.params.entries()) {
      const { learnable, shape } = net.params[id]!;
      const theirs = share.params[other.params[position]!]!;
      if (countOf(shape) !== countOf(theirs.shape)) {
        throw new CaffeNetError(
          `parameter ${position} has the shape ${shape.join(' ')} here and ${theirs.shape.join(' ')} in the net that is trained`,
          layerReference(layer.param),
        );
      }
      params[learnable] = share.values[theirs.learnable]!;
    }
  }
  return params;
}

/**
 * A net with its data and what runs it: every input layer's source is opened, shapes are worked out from it, parameters are
 * filled.
 */
export class DataNet implements AsyncDisposable {
  readonly net: Net;
  readonly engine: ShapedEngine;
  readonly targets: Targets;
  readonly #sources: readonly BatchSource[];
  #batch: ReadonlyMap<string, BatchTensor> = new Map();
  #made: ReadonlyMap<string, BatchTensor> = new Map();
  #fedFloor: number | undefined;
  #madeFloor: number | undefined;

  private constructor(
    net: Net,
    targets: Targets,
    sources: readonly BatchSource[],
    engine: (watch: Watch) => ShapedEngine,
  ) {
    this.net = net;
    this.targets = targets;
    this.#sources = sources;
    this.engine = engine({
      blobs: targets.made,
      see: (blobs) => {
        if (targets.made.length === 0) return;
        targets.check(blobs, true);
        this.#madeFloor = targets.floor(blobs, true);
        this.#made = blobs;
      },
    });
  }

  /**
   * The floor of the loss for the last batch, known when the engine has made a pass with it. Undefined where it cannot be told:
   * `targets.unknown` is the reason.
   */
  get floor(): number | undefined {
    if (this.#fedFloor === undefined || this.#madeFloor === undefined) return undefined;
    return this.#fedFloor + this.#madeFloor;
  }

  /** @throws CaffeNetError for a net that cannot be built or fed, and what opening its data throws */
  static async open(options: DataNetOptions): Promise<DataNet> {
    const { param, state, seed = 0, engine = {}, share, ahead = 1 } = options;
    const layers = filterNet(upgradeNet(param), state).layer.filter(({ type }) => isSource(type));
    const sources: BatchSource[] = [];
    try {
      const given = new Map<string, readonly Shape[]>();
      for (const layer of layers) {
        const source = await openSource(layer, options);
        sources.push(ahead > 0 ? prefetch(source, ahead) : source);
        given.set(
          layer.name,
          layer.top.map((top) => source.tops.get(top) ?? []),
        );
      }
      const build = (shapes: ReadonlyMap<string, readonly Shape[]>): Net =>
        buildNet(param, { layers: layerTypes, state, given: shapes });
      const net = build(given);
      const params = sharedParams(net, seed, share);
      const { caffeIgnoreQuirk = false } = engine;
      const targets = new Targets(net, { caffeIgnoreQuirk });
      const run = { ...engine, seed, params };
      return new DataNet(net, targets, sources, (watch) => new ShapedEngine(net, build, run, watch));
    } catch (error) {
      for (const source of sources) await source.close();
      throw error;
    }
  }

  /** What the best constant prediction follows from, of the last batch and pass; undefined where losses other than cross-entropies count. */
  totals(): ClassTotals | undefined {
    const fed = this.targets.totals(this.#batch);
    const made = this.targets.totals(this.#made, true);
    return fed && made && new Map([...fed, ...made]);
  }

  /** The next batch. @throws LabelRangeError, and what the sources throw */
  async next(): Promise<Feeds> {
    const batch: Batch = new Map();
    for (const source of this.#sources)
      for (const [top, tensor] of await source.next()) batch.set(top, tensor);
    this.targets.check(batch);
    this.#batch = batch;
    this.#made = new Map();
    this.#fedFloor = this.targets.floor(batch);
    this.#madeFloor = this.targets.made.length === 0 ? 0 : undefined;
    return Object.fromEntries(batch) as Feeds;
  }

  /** Passes over batches. */
  async skip(batches: number): Promise<void> {
    if (batches > 0) for (const source of this.#sources) await source.skip(batches);
  }

  async close(): Promise<void> {
    await this.engine.close();
    for (const source of this.#sources) await source.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
