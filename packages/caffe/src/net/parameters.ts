import { CaffeNetError } from '../errors.js';
import { create, has } from '../schema/message.js';
import type { LayerParameter, ParamSpec } from '../schema/messages.js';
import { checkShape } from './checks.js';
import type { ParamDeclaration, Shape } from './layer-spec.js';
import { layerReference } from './layer-spec.js';
import type { LearnableParam, NetParam } from './net.js';
import { countOf, sameShape, shapeText } from './shape.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a layer gets for its parameters. */
export interface AddedParams {
  /** Ids of `Net.params`. */
  readonly ids: number[];
  /** By the layer's own lr_mult: a layer that shares a frozen parameter still computes its gradient. */
  readonly needsGradient: boolean[];
}

function specOf(layer: LayerParameter, declaration: ParamDeclaration, index: number): ParamSpec {
  const spec = layer.param[index];
  if (declaration.frozen !== true) return spec ?? create('ParamSpec');
  if (spec && spec.lr_mult !== 0) {
    throw new CaffeNetError(
      `param ${index} asks for lr_mult ${spec.lr_mult}; the layer keeps this blob itself and it cannot be learnt: lr_mult 0 or no param`,
      layerReference(layer),
    );
  }
  return spec ?? create('ParamSpec', { lr_mult: 0 });
}

/** The parameters of a net in the order of its layers: who owns them, who shares them, how fast they learn. */
export class Parameters {
  readonly params: NetParam[] = [];
  readonly learnable: Mutable<LearnableParam>[] = [];
  private readonly named = new Map<string, number>();
  private readonly layerNames: string[] = [];
  /** Which of a parameter's multipliers were written out by one of its layers. */
  private readonly explicit: { lr: boolean; decay: boolean }[] = [];

  /**
   * Adds the parameters of the layer at a position. The layer's `param` is completed by the multipliers that its type
   * sets itself.
   * @throws CaffeNetError for more `param` messages than parameters, and for what cannot be shared.
   */
  add(layer: LayerParameter, position: number, declared: readonly ParamDeclaration[]): AddedParams {
    if (layer.param.length > declared.length) {
      throw new CaffeNetError(
        `${layer.param.length} param messages for ${declared.length} parameter blobs`,
        layerReference(layer),
      );
    }
    this.layerNames[position] = layer.name;
    const specs = declared.map((declaration, i) => specOf(layer, declaration, i));
    const frozen = declared.findLastIndex((declaration) => declaration.frozen === true);
    if (frozen >= layer.param.length) layer.param = specs.slice(0, frozen + 1);
    const ids = declared.map((declaration, i) => {
      checkShape(declaration.shape, `parameter ${i}`, layer);
      return this.addOne(
        layer,
        { layer: position, position: i },
        declaration,
        specs[i] ?? create('ParamSpec'),
      );
    });
    return { ids, needsGradient: specs.map((spec) => spec.lr_mult !== 0) };
  }

  private addOne(
    layer: LayerParameter,
    place: { layer: number; position: number },
    { shape, filler }: ParamDeclaration,
    spec: ParamSpec,
  ): number {
    const id = this.params.length;
    const { name } = spec;
    const owner = name === '' ? undefined : this.named.get(name);
    const common = { id, displayName: name === '' ? String(place.position) : name, ...place, shape, owner };
    if (owner !== undefined) {
      this.params.push({ ...common, learnable: this.share(layer, shape, spec, owner) });
      return id;
    }
    if (name !== '') this.named.set(name, id);
    const learnable = this.learnable.length;
    this.params.push({ ...common, learnable });
    this.learnable.push({
      id: learnable,
      param: id,
      shape,
      filler,
      lrMult: spec.lr_mult,
      decayMult: spec.decay_mult,
    });
    this.explicit.push({ lr: has(spec, 'lr_mult'), decay: has(spec, 'decay_mult') });
    return id;
  }

  /** Checks that a parameter can be shared; returns where its values are. */
  private share(layer: LayerParameter, shape: Shape, spec: ParamSpec, owner: number): number {
    const owned = this.params[owner];
    const learnable = this.learnable[owned?.learnable ?? -1];
    const explicit = this.explicit[owned?.learnable ?? -1];
    if (!owned || !learnable || !explicit) throw new RangeError(`parameter ${owner} has no owner`);
    const refuse = (what: string): never => {
      throw new CaffeNetError(
        `cannot share parameter '${spec.name}' of layer '${this.layerNames[owned.layer] ?? ''}': ${what}`,
        layerReference(layer),
      );
    };
    const permissive = spec.share_mode === 'PERMISSIVE';
    if (permissive ? countOf(shape) !== countOf(owned.shape) : !sameShape(shape, owned.shape)) {
      refuse(
        `its shape there is ${shapeText(owned.shape)}, here ${shapeText(shape)}; expected the same ${permissive ? 'count' : 'shape'}`,
      );
    }
    if (has(spec, 'lr_mult')) {
      if (explicit.lr && spec.lr_mult !== learnable.lrMult) {
        refuse(`its lr_mult there is ${learnable.lrMult}, here ${spec.lr_mult}`);
      }
      learnable.lrMult = spec.lr_mult;
      explicit.lr = true;
    }
    if (has(spec, 'decay_mult')) {
      if (explicit.decay && spec.decay_mult !== learnable.decayMult) {
        refuse(`its decay_mult there is ${learnable.decayMult}, here ${spec.decay_mult}`);
      }
      learnable.decayMult = spec.decay_mult;
      explicit.decay = true;
    }
    return learnable.id;
  }
}
