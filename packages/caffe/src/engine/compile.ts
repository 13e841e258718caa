import type { Provider } from '@softxent/backend-onnx/runtime';
import { CaffeNetError } from '../errors.js';
import type { LayerForward, LayerHost, LayerType } from '../layers/index.js';
import { isSource } from '../layers/index.js';
import type { Value } from '../layers/graph.js';
import { LayerGraph } from '../layers/graph.js';
import { layerReference } from '../net/layer-spec.js';
import type { Net, NetLayer } from '../net/net.js';
import { sameShape } from '../net/shape.js';

/** A tensor that goes into or comes out of a compiled net. */
export interface Port {
  /** Its name in the graph. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** A blob among the inputs or outputs. */
export interface BlobPort extends Port {
  /** An index of `Net.blobs`. */
  readonly blob: number;
}

/** A parameter, its gradient, or its new value. */
export interface ParamPort extends Port {
  /** An index of `Net.learnable`. */
  readonly learnable: number;
}

/** Random numbers: each is `scale` with probability `keep`, else 0. */
export interface RandomPort extends Port {
  readonly keep: number;
  readonly scale: number;
}

/** What a layer remembers from one run to the next. */
export interface StatePort extends Port {
  /** The same for every compilation of a net. */
  readonly key: string;
  /** The output that holds its next value. */
  readonly next: string;
}

/** A loss that is computed outside the graph: its gradient comes in. */
export interface ExternalPort extends Port {
  readonly layer: NetLayer;
}

/** How to compile a net. */
export interface CompileOptions {
  /** Gradients of the parameters that learn, too. */
  readonly backward: boolean;
  /** Names of blobs to give out, besides the net's outputs and the tops that have a loss weight. */
  readonly blobs?: readonly string[];
  /** Only these blobs, not the net's outputs. */
  readonly only?: boolean;
  readonly host?: LayerHost;
  /** Values of the parameters, by index of `Net.learnable`, to store in the graph instead of taking them as inputs. */
  readonly weights?: readonly Float32Array[];
  /** The provider that the graph is for, which may have operators that others lack. Default: it is for any. */
  readonly provider?: Provider;
  /** Losses that are computed elsewhere. */
  readonly external?: (layer: NetLayer) => boolean;
}

/** A net as one ONNX graph. */
export interface CompiledNet {
  readonly graph: LayerGraph;
  readonly inputs: readonly BlobPort[];
  readonly params: readonly ParamPort[];
  readonly randoms: readonly RandomPort[];
  readonly states: readonly StatePort[];
  readonly externals: readonly ExternalPort[];
  readonly outputs: readonly BlobPort[];
  readonly gradients: readonly ParamPort[];
  /** Parameters that the forward pass changes (running statistics). */
  readonly updates: readonly ParamPort[];
  /** The layer (an index of `Net.layers`) that each node was made for, by the node's name. */
  readonly owners: ReadonlyMap<string, number>;
}

/** The blobs that make the loss: every top that has a loss weight, with it. */
export function weightedTops(net: Net): { layer: NetLayer; blob: number; weight: number }[] {
  return net.layers.flatMap((layer) =>
    layer.tops.flatMap((blob, i) => {
      const weight = layer.lossWeights[i] ?? 0;
      return weight === 0 ? [] : [{ layer, blob, weight }];
    }),
  );
}

class Compiler {
  readonly g: LayerGraph;
  readonly inputs: BlobPort[] = [];
  readonly params: ParamPort[] = [];
  readonly randoms: RandomPort[] = [];
  readonly states: StatePort[] = [];
  readonly externals: ExternalPort[] = [];
  readonly updates = new Map<number, Value>();
  readonly gradients = new Map<number, Value>();
  /** What each blob holds at this point of the net. */
  private readonly blobs = new Map<number, Value>();
  private readonly diffs = new Map<number, Value>();
  private readonly values = new Map<number, Value>();
  private readonly forwards: (LayerForward | null)[] = [];
  private readonly names = new Set<string>();
  private readonly owners = new Map<string, number>();
  private readonly nextStates: { port: StatePort; value: Value }[] = [];

  constructor(
    private readonly net: Net,
    private readonly options: CompileOptions,
  ) {
    this.g = new LayerGraph(options.provider ?? null);
  }

  private unique(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.names.has(name); i++) name = `${wanted}~${i}`;
    this.names.add(name);
    return name;
  }

  private port(wanted: string, shape: readonly number[]): Port {
    return { name: this.unique(wanted), shape };
  }

  /** Runs `work`, whose nodes are the layer's; an error of the graph becomes one that names the layer. */
  private forLayer<T>(layer: NetLayer, work: () => T): T {
    const { nodes } = this.g.builder;
    const before = nodes.length;
    try {
      const made = work();
      for (const { name } of nodes.slice(before)) this.owners.set(name, layer.index);
      return made;
    } catch (cause) {
      if (cause instanceof CaffeNetError || !(cause instanceof RangeError)) throw cause;
      throw new CaffeNetError(cause.message, layerReference(layer.param), { cause });
    }
  }

  forward(): void {
    for (const layer of this.net.layers)
      this.forwards.push(this.forLayer(layer, () => this.layerForward(layer)));
  }

  private layerForward(layer: NetLayer): LayerForward | null {
    if (isSource(layer.type)) {
      for (const [i, id] of layer.tops.entries()) {
        const port = this.port(this.net.blobs[id]!.name, layer.topShapes[i]!);
        this.inputs.push({ ...port, blob: id });
        this.blobs.set(id, this.g.input(port.name, port.shape));
      }
      return null;
    }
    if (this.options.external?.(layer) === true) return null;
    const spec = layer.spec as LayerType;
    if (typeof spec.build !== 'function') {
      throw new CaffeNetError(
        'this layer type is known, but not how to compute it',
        layerReference(layer.param),
      );
    }
    const states: { port: Port; key: string }[] = [];
    const made = spec.build({
      g: this.g,
      layer: layer.param,
      phase: layer.param.phase,
      bottoms: layer.bottoms.map((id) => this.bottom(layer, id)),
      params: layer.params.map((id) => this.paramValue(id)),
      topCount: layer.tops.length,
      host: this.options.host ?? {},
      training: this.options.backward,
      random: (shape, keep, scale) => {
        const port = this.port(`${layer.name}/random`, shape);
        this.randoms.push({ ...port, keep, scale });
        return this.g.input(port.name, shape);
      },
      state: (shape) => {
        const port = this.port(`${layer.name}/state`, shape);
        states.push({ port, key: `${layer.index}.${states.length}` });
        return this.g.input(port.name, shape);
      },
    });
    for (const [i, id] of layer.tops.entries()) this.blobs.set(id, made.tops[i]!);
    for (const [position, value] of made.updates ?? []) {
      this.updates.set(this.net.params[layer.params[position]!]!.learnable, value);
    }
    for (const [i, { port, key }] of states.entries()) {
      const full = { ...port, key, next: this.unique(`${port.name}/next`) };
      this.nextStates.push({ port: full, value: made.states![i]! });
    }
    return made;
  }

  private bottom(layer: NetLayer, id: number): Value {
    const value = this.blobs.get(id);
    if (value) return value;
    throw new CaffeNetError(
      `reads '${this.net.blobs[id]!.name}', a loss that is computed outside the net`,
      layerReference(layer.param),
    );
  }

  private paramValue(id: number): Value {
    const param = this.net.params[id]!;
    const { shape, param: owner } = this.net.learnable[param.learnable]!;
    let value = this.values.get(param.learnable);
    if (!value) {
      const first = this.net.params[owner]!;
      const port = this.port(`${this.net.layers[first.layer]!.name}/${first.position}`, shape);
      const weights = this.options.weights?.[param.learnable];
      if (weights) {
        value = this.g.builder.initializer(port.name, 'float32', shape, weights);
      } else {
        this.params.push({ ...port, learnable: param.learnable });
        value = this.g.input(port.name, shape);
      }
      this.values.set(param.learnable, value);
    }
    return sameShape(shape, param.shape) ? value : this.g.reshape(value, param.shape);
  }

  backward(): void {
    for (const layer of this.net.layers.toReversed()) {
      if (layer.needsBackward) this.forLayer(layer, () => this.layerBackward(layer));
    }
  }

  private layerBackward(layer: NetLayer): void {
    const wanted = { bottoms: layer.bottomNeedsGradient, params: layer.paramNeedsGradient };
    if (this.options.external?.(layer) === true) {
      const shape = layer.bottomShapes[0]!;
      if (!wanted.bottoms[0]) return;
      const port = this.port(`${layer.name}/gradient`, shape);
      this.externals.push({ ...port, layer });
      this.diffs.set(layer.bottoms[0]!, this.g.input(port.name, shape));
      return;
    }
    const forward = this.forwards[layer.index];
    if (!forward) return;
    const tops = layer.tops.map((id, i) => this.topDiff(layer, id, i));
    if (tops.every((value) => value === null)) {
      for (const id of layer.bottoms) this.diffs.delete(id);
      return;
    }
    if (!forward.backward) {
      throw new CaffeNetError('has no gradient, but a loss depends on it', layerReference(layer.param));
    }
    const { bottoms, params = [] } = forward.backward(tops, wanted);
    for (const [i, id] of layer.bottoms.entries()) {
      const value = wanted.bottoms[i] ? (bottoms[i] ?? null) : null;
      // An in-place layer's bottom has the name of its top: the gradient changes there, it does not add up.
      if (value) this.diffs.set(id, value);
      else this.diffs.delete(id);
    }
    for (const [i, id] of layer.params.entries()) {
      const value = wanted.params[i] ? (params[i] ?? null) : null;
      if (value) this.addGradient(id, value);
    }
  }

  /** What flows into a top: from the layers above and from its own weight in the loss. */
  private topDiff(layer: NetLayer, id: number, i: number): Value | null {
    const above = this.diffs.get(id) ?? null;
    const weight = layer.lossWeights[i] ?? 0;
    if (weight === 0) return above;
    const shape = layer.topShapes[i]!;
    const own = this.g.filled(shape, weight);
    return above ? this.g.add(above, own) : own;
  }

  private addGradient(id: number, value: Value): void {
    const { learnable } = this.net.params[id]!;
    const shaped = this.g.reshape(value, this.net.learnable[learnable]!.shape);
    const before = this.gradients.get(learnable);
    this.gradients.set(learnable, before ? this.g.add(before, shaped) : shaped);
  }

  finish(): CompiledNet {
    const external = new Set(
      this.net.layers.flatMap((layer) => (this.options.external?.(layer) === true ? layer.tops : [])),
    );
    const outputs = this.outputIds()
      .filter((id) => !external.has(id))
      .map((blob) => {
        const value = this.blobs.get(blob)!;
        const port = this.port(
          this.net.blobs[blob]!.name,
          this.g.sizes(value).map((size) => size ?? -1),
        );
        return { value, port: { ...port, blob } };
      });
    const gradients = [...this.gradients].map(([learnable, value]) =>
      this.learnablePort('gradient', learnable, value),
    );
    const updates = [...this.updates].map(([learnable, value]) =>
      this.learnablePort('next', learnable, value),
    );
    for (const { port, value } of this.nextStates) {
      this.states.push(port);
      this.g.output(port.next, value);
    }
    for (const { port, value } of [...outputs, ...gradients, ...updates]) this.g.output(port.name, value);
    return {
      graph: this.g,
      inputs: this.inputs,
      params: this.params,
      randoms: this.randoms,
      states: this.states,
      externals: this.externals,
      outputs: outputs.map(({ port }) => port),
      gradients: gradients.map(({ port }) => port),
      updates: updates.map(({ port }) => port),
      owners: this.owners,
    };
  }

  private learnablePort(what: string, learnable: number, value: Value): { port: ParamPort; value: Value } {
    const { param, shape } = this.net.learnable[learnable]!;
    const { layer, position } = this.net.params[param]!;
    return {
      port: { ...this.port(`${this.net.layers[layer]!.name}/${position}/${what}`, shape), learnable },
      value,
    };
  }

  private outputIds(): number[] {
    const ids = new Set<number>();
    if (this.options.only !== true) {
      for (const id of this.net.outputs) ids.add(id);
      for (const { blob } of weightedTops(this.net)) ids.add(blob);
    }
    for (const name of this.options.blobs ?? []) {
      const blob = this.net.blobs.findLast((each) => each.name === name);
      if (!blob) {
        throw new CaffeNetError(
          `there is no blob '${name}'; the blobs are ${this.net.blobs.map((each) => each.name).join(', ')}`,
        );
      }
      ids.add(blob.id);
    }
    return [...ids];
  }
}

/**
 * Turns a net into one ONNX graph: the forward pass and, where asked, the gradients of all parameters that learn, by
 * reverse-mode differentiation layer by layer. Parameters are inputs (or stored, with `weights`), gradients outputs.
 *
 * @throws CaffeNetError for a layer that cannot be computed, naming it, its type and its line
 */
export function compileNet(net: Net, options: CompileOptions): CompiledNet {
  const compiler = new Compiler(net, options);
  compiler.forward();
  if (options.backward) compiler.backward();
  return compiler.finish();
}
