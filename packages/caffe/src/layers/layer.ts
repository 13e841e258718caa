import { CaffeNetError } from '../errors.js';
import type { FillerParameter, LayerParameter, Phase } from '../schema/messages.js';
import type { LayerContext, LayerSpec, ParamDeclaration } from '../net/layer-spec.js';
import { layerReference } from '../net/layer-spec.js';
import { create } from '../schema/message.js';
import { count } from './graph.js';
import type { LayerGraph, Value } from './graph.js';

export type { LayerShapes } from '../net/layer-spec.js';

/** What a layer's shapes follow from. */
export type LayerInputs = LayerContext;

/** A parameter blob that a layer owns. */
export type ParamBlob = ParamDeclaration;

/** What layers ask of whoever builds them. */
export interface LayerHost {
  /** Reads a BlobProto in binary form, for InfogainLoss's `source`. */
  readBlob?(path: string): { readonly shape: readonly number[]; readonly data: Float32Array };
  /** SigmoidCrossEntropyLoss cuts targets to integers before it compares them with ignore_label, as Caffe does. */
  readonly caffeIgnoreQuirk?: boolean;
}

/** One layer about to become nodes of a graph. */
export interface LayerBuild {
  readonly g: LayerGraph;
  readonly layer: LayerParameter;
  readonly phase: Phase;
  readonly bottoms: readonly Value[];
  readonly params: readonly Value[];
  readonly topCount: number;
  readonly host: LayerHost;
  /** Gradients will be asked for. */
  readonly training: boolean;
  /** A graph input of random numbers: each is `scale` with probability `keep`, else 0. New for every run. */
  readonly random: (shape: readonly number[], keep: number, scale: number) => Value;
  /** A graph input that holds, in the next run, what {@link LayerForward.states} gave in this one. Starts at 0. */
  readonly state: (shape: readonly number[]) => Value;
}

/** Which gradients are wanted. */
export interface Wanted {
  readonly bottoms: readonly boolean[];
  readonly params: readonly boolean[];
}

/** Gradients in the order of bottoms and parameters; `null` is a gradient of 0. */
export interface Gradients {
  readonly bottoms: readonly (Value | null)[];
  readonly params?: readonly (Value | null)[];
}

/** The nodes of a layer's forward pass, and what makes those of its backward pass. */
export interface LayerForward {
  readonly tops: readonly Value[];
  /**
   * The gradients of the loss, given those of the tops (`null`: no gradient reaches that top). Absent where the layer
   * has none. What is not wanted may be left `null`.
   */
  backward?(tops: readonly (Value | null)[], wanted: Wanted): Gradients;
  /** New values of parameters that the forward pass changes, by position. */
  readonly updates?: ReadonlyMap<number, Value>;
  /** What the inputs made by {@link LayerBuild.state} hold in the next run, in order. */
  readonly states?: readonly Value[];
}

/** A layer type as the engine sees it: what nets know of it, and the nodes it becomes. */
export interface LayerType extends LayerSpec {
  build(build: LayerBuild): LayerForward;
}

/** The error of a layer: names it, its type and its line. */
export function layerError(layer: LayerParameter, message: string): CaffeNetError {
  return new CaffeNetError(message, layerReference(layer));
}

/** `axis` counted from the front; negative ones count from the back of `rank` axes. */
export function axisOf(layer: LayerParameter, axis: number, rank: number, what = 'axis'): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) {
    throw layerError(layer, `${what} ${axis} is outside a blob of ${rank} axes`);
  }
  return at;
}

/** A filler of one value. */
export const constantFiller = (value: number): FillerParameter =>
  create('FillerParameter', { type: 'constant', value });

/** `[2,3,4] (24)`, as messages show shapes. */
export const showShape = (shape: readonly number[]): string => `[${shape.join(',')}] (${count(shape)})`;

/** The only element of a list that must hold one. */
export function only<T>(values: readonly T[]): T {
  return values[0]!;
}

/** A layer of one bottom and one top of the same shape, without parameters. `dx` is its gradient, given dy. */
export function pointwise(
  type: string,
  build: (build: LayerBuild, x: Value) => { y: Value; dx?: (dy: Value) => Value },
): LayerType {
  return {
    type,
    bottoms: { exact: 1 },
    tops: { exact: 1 },
    shapes: ({ bottoms }) => ({ tops: [only(bottoms)], params: [] }),
    build(given) {
      const { y, dx } = build(given, only(given.bottoms));
      return dx ? { tops: [y], backward: ([dy]) => ({ bottoms: [dy ? dx(dy) : null] }) } : { tops: [y] };
    },
  };
}
