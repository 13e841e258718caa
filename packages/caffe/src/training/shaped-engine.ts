import type { EngineOptions, Feeds, NetProfile, Pass, PassOptions } from '../engine/index.js';
import { Engine } from '../engine/index.js';
import { isSource } from '../layers/index.js';
import type { Shape } from '../net/layer-spec.js';
import type { Net } from '../net/net.js';
import { sameShape } from '../net/shape.js';

/** Blobs to look at in every pass, before anything comes of it. */
export interface Watch {
  readonly blobs: readonly string[];
  /** Throws where the pass must not count. */
  see(blobs: Pass['blobs']): void;
}

/** How many sizes of input are kept compiled. */
const KEPT = 8;

/**
 * An engine that follows its data's sizes: batches of another shape run through graphs for that shape, with the same
 * parameters, as Caffe reshapes its nets. Gradients come out in the same place.
 */
export class ShapedEngine extends Engine {
  readonly #build: (given: ReadonlyMap<string, readonly Shape[]>) => Net;
  readonly #others = new Map<string, Engine>();
  /** Where losses outside the graph make all of its outputs, a forward graph has none: then it gives out their logits. */
  readonly #logits: readonly string[];
  readonly #watch: Watch | undefined;

  /** @param build makes the net for other shapes of what its data layers give */
  constructor(
    net: Net,
    build: (given: ReadonlyMap<string, readonly Shape[]>) => Net,
    options: EngineOptions = {},
    watch?: Watch,
  ) {
    super(net, options);
    this.#build = build;
    this.#watch = watch;
    const { externalLoss } = options;
    const outside = net.layers.filter((layer) => externalLoss?.handles(layer));
    const tops = new Set(outside.flatMap((layer) => layer.tops));
    const all = net.outputs.every((id) => tops.has(id));
    this.#logits = all ? outside.map(({ bottoms }) => net.blobs[bottoms[0]!]!.name) : [];
  }

  override async forward(feeds: Feeds, options: PassOptions = {}): Promise<Pass> {
    const other = await this.#other(feeds);
    const wanted = { ...options, blobs: this.#wanted(options.blobs, false) };
    return this.#seen(await (other ? other.forward(feeds, wanted) : super.forward(feeds, wanted)));
  }

  override async forwardBackward(feeds: Feeds, options: PassOptions = {}): Promise<Pass> {
    const other = await this.#other(feeds);
    const wanted = { ...options, blobs: this.#wanted(options.blobs, true) };
    if (!other) return this.#seen(await super.forwardBackward(feeds, wanted));
    const pass = await other.forwardBackward(feeds, wanted);
    for (const [i, gradient] of other.gradients.entries()) this.gradients[i] = gradient;
    return this.#seen(pass);
  }

  override prepare(options: { backward: boolean; blobs?: readonly string[] }): Promise<void> {
    return super.prepare({ ...options, blobs: this.#wanted(options.blobs, options.backward) });
  }

  override async profile(feeds: Feeds, options: { passes: number; warmUp?: number }): Promise<NetProfile> {
    const other = await this.#other(feeds);
    return other ? other.profile(feeds, options) : super.profile(feeds, options);
  }

  #wanted(blobs: readonly string[] = [], backward: boolean): string[] {
    return [...new Set([...blobs, ...(backward ? [] : this.#logits), ...(this.#watch?.blobs ?? [])])];
  }

  #seen(pass: Pass): Pass {
    this.#watch?.see(pass.blobs);
    return pass;
  }

  override async close(): Promise<void> {
    for (const other of this.#others.values()) await other.close();
    this.#others.clear();
    await super.close();
  }

  /** The engine for these shapes; undefined where they are this one's. */
  async #other(feeds: Feeds): Promise<Engine | undefined> {
    const given = new Map<string, readonly Shape[]>();
    let same = true;
    for (const layer of this.net.layers) {
      if (!isSource(layer.type)) continue;
      const shapes = layer.tops.map((id, i) => {
        const feed = feeds[this.net.blobs[id]!.name];
        return feed === undefined || feed instanceof Float32Array ? layer.topShapes[i]! : feed.shape;
      });
      given.set(layer.name, shapes);
      same &&= shapes.every((shape, i) => sameShape(shape, layer.topShapes[i]!));
    }
    if (same) return undefined;
    const key = JSON.stringify([...given]);
    let engine = this.#others.get(key);
    if (engine) {
      this.#others.delete(key);
    } else {
      const [oldest] = this.#others.keys();
      if (this.#others.size >= KEPT && oldest !== undefined) {
        await this.#others.get(oldest)!.close();
        this.#others.delete(oldest);
      }
      engine = new Engine(this.#build(given), { ...this.options, params: this.params });
    }
    this.#others.set(key, engine);
    return engine;
  }
}
