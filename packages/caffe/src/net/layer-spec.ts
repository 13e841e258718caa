import { CaffeNetError } from '../errors.js';
import type { LayerReference } from '../errors.js';
import { sourceOf } from '../schema/message.js';
import type { FillerParameter, LayerParameter, Phase } from '../schema/messages.js';

/** The extents of a blob, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** How many blobs a layer type takes or makes; nothing said, nothing checked. */
export interface BlobCount {
  readonly exact?: number;
  readonly min?: number;
  readonly max?: number;
}

/** A parameter blob of a layer. */
export interface ParamDeclaration {
  readonly shape: Shape;
  /** How a new net fills it; a `FillerParameter` with nothing set is the constant 0. */
  readonly filler: FillerParameter;
  /**
   * The layer keeps this blob itself, the solver must not touch it (BatchNorm's statistics): its `lr_mult` is 0, and a
   * prototxt that asks for another is refused.
   */
  readonly frozen?: boolean;
}

/** What a layer makes of its bottoms: the shapes of its tops and its parameters. */
export interface LayerShapes {
  readonly tops: readonly Shape[];
  readonly params: readonly ParamDeclaration[];
}

/** What a layer type may look at when it works out its shapes. */
export interface LayerContext {
  /** As written in the prototxt, upgraded; `phase` is set; absent `*_param` messages read as their defaults. */
  readonly layer: LayerParameter;
  readonly phase: Phase;
  /** One shape per bottom. Bottom counts are already checked. */
  readonly bottoms: readonly Shape[];
  /** The number of tops to make, automatic tops included. Top counts are already checked. */
  readonly topCount: number;
  /** For a layer that reads data: the shapes of what it reads, one per top, when the caller knows them. */
  readonly given: readonly Shape[] | undefined;
  /** Refuses the layer. The error names the layer, its type and its line. */
  fail(message: string): never;
}

/**
 * A layer type as nets see it. The table of layer types is a `Map` from Caffe's type name to one of these; what a type
 * computes is the engine's.
 */
export interface LayerSpec {
  /** Caffe's name of the type, `InnerProduct`. */
  readonly type: string;
  readonly bottoms: BlobCount;
  readonly tops: BlobCount;
  /** Makes exactly one top per bottom. */
  readonly equalBottomTop?: boolean;
  /** Tops that are not named are made all the same, up to the smallest number (losses). */
  readonly autoTops?: boolean;
  /** The loss weight of the first top is 1 where the prototxt gives none. */
  readonly loss?: boolean;
  /** Whether `force_backward` may ask for this bottom's gradient; default: yes. Labels say no. */
  readonly allowsForceBackward?: (bottom: number) => boolean;
  /** The shapes of tops and parameters, or `context.fail` with the reason. */
  shapes(context: LayerContext): LayerShapes;
}

/** The layer types of a net, by name. */
export type LayerTable = ReadonlyMap<string, LayerSpec>;

/** Names a layer in an error. */
export function layerReference(layer: LayerParameter): LayerReference {
  return { name: layer.name, type: layer.type, source: sourceOf(layer) };
}

/** A `LayerContext` for the given layer and bottoms. */
export function layerContext(
  layer: LayerParameter,
  bottoms: readonly Shape[],
  topCount: number,
  given?: readonly Shape[],
): LayerContext {
  return {
    layer,
    phase: layer.phase,
    bottoms,
    topCount,
    given,
    fail(message) {
      throw new CaffeNetError(message, layerReference(layer));
    },
  };
}
