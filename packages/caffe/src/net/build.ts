import { CaffeNetError } from '../errors.js';
import { clone, has } from '../schema/message.js';
import type { LayerParameter, NetParameter, NetState } from '../schema/messages.js';
import { nearest } from '../text/hints.js';
import type { UpgradeOptions } from '../upgrade/upgrade.js';
import { upgradeNet } from '../upgrade/upgrade.js';
import { markBackward } from './backward.js';
import { checkCounts, checkShape } from './checks.js';
import type { LayerShapes, LayerSpec, LayerTable, Shape } from './layer-spec.js';
import { layerContext, layerReference } from './layer-spec.js';
import type { Net } from './net.js';
import { Parameters } from './parameters.js';
import { insertSplits } from './splits.js';
import { filterNet } from './state.js';

/** How to build a net. */
export interface BuildNetOptions extends UpgradeOptions {
  /** The layer types, by Caffe's names. */
  readonly layers: LayerTable;
  /** What the net is built for: from `netState` or `solverNetState`. */
  readonly state: NetState;
  /**
   * The shapes of tops, one per top, of layers that have no bottoms, by layer name: what a data layer reads, or other sizes
   * for an Input layer.
   */
  readonly given?: ReadonlyMap<string, readonly Shape[]>;
}

/** The name of a top that the prototxt leaves out (a loss that nobody reads). */
export const AUTOMATIC_TOP = '(automatic)';

/** A layer while the net is being built. */
export interface DraftLayer {
  readonly spec: LayerSpec;
  readonly param: LayerParameter;
  readonly bottoms: number[];
  readonly tops: number[];
  readonly bottomShapes: Shape[];
  topShapes: readonly Shape[];
  params: number[];
  lossWeights: number[];
  needsBackward: boolean;
  bottomNeedsGradient: boolean[];
  paramNeedsGradient: boolean[];
}

/** A blob while the net is being built. */
export interface DraftBlob {
  readonly name: string;
  readonly maker: LayerParameter;
  shape: Shape;
  lossWeight: number;
  needsGradient: boolean;
}

class Builder {
  readonly layers: DraftLayer[] = [];
  readonly blobs: DraftBlob[] = [];
  readonly parameters = new Parameters();
  readonly inputs: number[] = [];
  private readonly blobIds = new Map<string, number>();
  /** Blobs that nothing has read yet. */
  private readonly available = new Set<string>();

  constructor(
    private readonly options: BuildNetOptions,
    private readonly filtered: NetParameter,
  ) {}

  get outputs(): number[] {
    return [...this.available]
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((name) => this.blobIds.get(name) ?? -1);
  }

  private specOf(layer: LayerParameter): LayerSpec {
    const spec = this.options.layers.get(layer.type);
    if (spec) return spec;
    const known = [...this.options.layers.keys()].toSorted();
    const near = nearest(layer.type, known);
    throw new CaffeNetError(
      `unknown layer type '${layer.type}'${near === undefined ? '' : `; did you mean ${near}?`} (types: ${known.join(', ')})`,
      layerReference(layer),
    );
  }

  add(given: LayerParameter): void {
    const param = clone(given);
    if (!has(param, 'phase')) param.phase = this.options.state.phase;
    const bottomCount = param.bottom.length;
    if (param.propagate_down.length > 0 && param.propagate_down.length !== bottomCount) {
      throw new CaffeNetError(
        `propagate_down is given ${param.propagate_down.length} times, for ${bottomCount} bottoms; give it once per bottom or not at all`,
        layerReference(param),
      );
    }
    const layer: DraftLayer = {
      spec: this.specOf(param),
      param,
      bottoms: [],
      tops: [],
      bottomShapes: [],
      topShapes: [],
      params: [],
      lossWeights: [],
      needsBackward: false,
      bottomNeedsGradient: [],
      paramNeedsGradient: [],
    };
    for (const index of param.bottom.keys()) this.addBottom(layer, index);
    for (const index of param.top.keys()) this.addTop(layer, index);
    if (layer.spec.autoTops === true) {
      const needed = Math.max(layer.spec.tops.min ?? 0, layer.spec.tops.exact ?? 0);
      while (layer.tops.length < needed) layer.tops.push(this.newBlob(AUTOMATIC_TOP, param));
    }
    checkCounts(layer.spec, param, layer.bottoms.length, layer.tops.length);
    this.shape(layer);
    this.layers.push(layer);
  }

  private addBottom(layer: DraftLayer, index: number): void {
    const name = layer.param.bottom[index] ?? '';
    const id = this.blobIds.get(name);
    const blob = id === undefined ? undefined : this.blobs[id];
    if (id === undefined || !blob || !this.available.has(name)) {
      throw new CaffeNetError(
        `no layer before it makes its bottom blob '${name}' (bottom ${index})`,
        layerReference(layer.param),
      );
    }
    layer.bottoms.push(id);
    layer.bottomShapes.push(blob.shape);
    layer.bottomNeedsGradient.push(layer.param.propagate_down[index] ?? blob.needsGradient);
    layer.needsBackward ||= blob.needsGradient;
    this.available.delete(name);
  }

  private addTop(layer: DraftLayer, index: number): void {
    const name = layer.param.top[index] ?? '';
    const known = this.blobIds.get(name);
    if (known !== undefined && layer.param.bottom[index] === name) {
      layer.tops.push(known);
    } else {
      if (known !== undefined) this.refuseTop(layer.param, index, known);
      const id = this.newBlob(name, layer.param);
      this.blobIds.set(name, id);
      layer.tops.push(id);
      if (layer.param.type === 'Input') this.inputs.push(id);
    }
    this.available.add(name);
  }

  private refuseTop(layer: LayerParameter, index: number, known: number): never {
    const name = layer.top[index] ?? '';
    const maker = this.blobs[known]?.maker;
    const written = this.filtered.layer.find(
      (other) => other.name === layer.name && other.top.includes(name),
    );
    const readers = this.filtered.layer.filter((other) => other !== written && other.bottom.includes(name));
    const inPlace = written?.bottom[index] === name;
    throw new CaffeNetError(
      `its top blob '${name}' is already made by layer '${maker?.name ?? ''}'${maker ? ` (${maker.type})` : ''}${
        inPlace
          ? `, and other layers read it as it was (${readers.map((other) => `'${other.name}'`).join(', ')}): a layer can work in place only where it is the first and only reader`
          : '; give it another name'
      }`,
      layerReference(layer),
    );
  }

  private newBlob(name: string, maker: LayerParameter): number {
    this.blobs.push({ name, maker, shape: [], lossWeight: 0, needsGradient: false });
    return this.blobs.length - 1;
  }

  /** Shapes, loss weights and parameters, once bottoms and tops are known. */
  private shape(layer: DraftLayer): void {
    const { param, spec } = layer;
    if (spec.loss === true && !has(param, 'loss_weight')) param.loss_weight = [1];
    if (param.loss_weight.length > 0 && param.loss_weight.length !== layer.tops.length) {
      throw new CaffeNetError(
        `${param.loss_weight.length} loss_weight for ${layer.tops.length} tops; give none, or one per top`,
        layerReference(param),
      );
    }
    const given = param.bottom.length === 0 ? this.options.given?.get(param.name) : undefined;
    const shapes: LayerShapes = spec.shapes(
      layerContext(param, layer.bottomShapes, layer.tops.length, given),
    );
    if (shapes.tops.length !== layer.tops.length) {
      throw new CaffeNetError(
        `makes ${shapes.tops.length} tops here; the prototxt names ${layer.tops.length}`,
        layerReference(param),
      );
    }
    layer.topShapes = shapes.tops;
    layer.lossWeights = layer.tops.map((_, i) => param.loss_weight[i] ?? 0);
    for (const [i, id] of layer.tops.entries()) {
      const blob = this.blobs[id];
      const shape = shapes.tops[i] ?? [];
      checkShape(shape, `top '${blob?.name ?? ''}'`, param);
      if (blob) {
        blob.shape = shape;
        blob.lossWeight = layer.lossWeights[i] ?? 0;
      }
    }
    const { ids, needsGradient } = this.parameters.add(param, this.layers.length, shapes.params);
    layer.params = ids;
    layer.paramNeedsGradient = needsGradient;
    layer.needsBackward ||= needsGradient.includes(true);
    if (layer.needsBackward) {
      for (const id of layer.tops) {
        const blob = this.blobs[id];
        if (blob) blob.needsGradient = true;
      }
    }
  }
}

/**
 * Builds a net as Caffe's `Net` does: upgrades it, filters layers by phase, level and stage, inserts splits, resolves
 * in-place layers and shared parameters, works out shapes, loss weights and who needs a gradient. Nothing is computed.
 * @throws CaffeNetError for what Caffe refuses, naming the layer, its type and its line.
 */
export function buildNet(net: NetParameter, options: BuildNetOptions): Net {
  const filtered = filterNet(upgradeNet(net, options), options.state);
  const builder = new Builder(options, filtered);
  for (const layer of insertSplits(filtered).layer) builder.add(layer);
  markBackward(builder.layers, builder.blobs, filtered.force_backward);
  return {
    name: net.name,
    state: options.state,
    layers: builder.layers.map((layer, index) => ({
      ...layer,
      index,
      name: layer.param.name,
      type: layer.param.type,
    })),
    blobs: builder.blobs.map(({ name, shape, lossWeight }, id) => ({ id, name, shape, lossWeight })),
    params: builder.parameters.params,
    learnable: builder.parameters.learnable,
    inputs: builder.inputs,
    outputs: builder.outputs,
  };
}
