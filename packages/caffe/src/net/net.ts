import type { FillerParameter, LayerParameter, NetState } from '../schema/messages.js';
import type { LayerSpec, Shape } from './layer-spec.js';

/** A blob of a net: what a layer made, under its name. An in-place layer makes no new one. */
export interface NetBlob {
  readonly id: number;
  readonly name: string;
  /** The shape after the last layer that writes it. */
  readonly shape: Shape;
  /** The blob's weight in the loss; 0 for most. */
  readonly lossWeight: number;
}

/** A parameter blob of a layer. Layers may share one: then all but the first have an owner. */
export interface NetParam {
  readonly id: number;
  /** The name in the prototxt's `param`, or the position among the layer's parameters. */
  readonly displayName: string;
  readonly layer: number;
  /** Its position among the layer's parameters. */
  readonly position: number;
  /** As the layer sees it; a PERMISSIVE share may see another shape of the same count than its owner. */
  readonly shape: Shape;
  /** The `NetParam` that this one shares the values of; undefined for an owner. */
  readonly owner: number | undefined;
  /** Where its values are: an index of `Net.learnable`. */
  readonly learnable: number;
}

/** The values that a solver works on: one for every parameter that is not shared from another. */
export interface LearnableParam {
  readonly id: number;
  /** The owning `NetParam`. */
  readonly param: number;
  readonly shape: Shape;
  readonly filler: FillerParameter;
  /** Multiplies the learning rate; 0 is frozen. */
  readonly lrMult: number;
  /** Multiplies the weight decay. */
  readonly decayMult: number;
}

/** A layer of a net. */
export interface NetLayer {
  readonly index: number;
  readonly name: string;
  readonly type: string;
  readonly spec: LayerSpec;
  /** As Caffe would write it into a caffemodel, without blobs: bottoms renamed by splits, phase and implied fields set. */
  readonly param: LayerParameter;
  /** Ids of blobs. */
  readonly bottoms: readonly number[];
  readonly tops: readonly number[];
  /** Shapes when the layer runs. */
  readonly bottomShapes: readonly Shape[];
  readonly topShapes: readonly Shape[];
  /** Ids of `Net.params`. */
  readonly params: readonly number[];
  /** The weight of each top in the loss. */
  readonly lossWeights: readonly number[];
  /** Whether training needs the layer's backward pass. */
  readonly needsBackward: boolean;
  /** Whether the backward pass must give this bottom's gradient. */
  readonly bottomNeedsGradient: readonly boolean[];
  /** Whether the backward pass must give this parameter's gradient. */
  readonly paramNeedsGradient: readonly boolean[];
}

/** What Caffe makes of a net description for one phase, before anything is computed. */
export interface Net {
  readonly name: string;
  readonly state: NetState;
  readonly layers: readonly NetLayer[];
  readonly blobs: readonly NetBlob[];
  readonly params: readonly NetParam[];
  readonly learnable: readonly LearnableParam[];
  /** Ids of the blobs of Input layers. */
  readonly inputs: readonly number[];
  /** Ids of the blobs that no layer reads, by name. */
  readonly outputs: readonly number[];
}
