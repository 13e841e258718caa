/** The targets of a net's cross-entropy losses, where they are fed: what they must be, and how small the loss can get. */
import { LabelRangeError } from '../data/errors.js';
import type { Batch, BatchTensor } from '../data/index.js';
import { ignoreLabel, normalizationOf } from '../layers/losses/normalization.js';
import { isSource } from '../layers/index.js';
import type { Net, NetLayer } from '../net/net.js';
import { countOf } from '../net/shape.js';
import { binaryEntropy, distributionEntropy } from './entropy.js';

/** The targets of one loss layer. */
interface Target {
  readonly layer: NetLayer;
  /** The blob that a data layer feeds. */
  readonly blob: string;
  readonly kind: 'probabilities' | 'distributions' | 'classes';
  /** The axis of the classes in the logits, and how many there are. */
  readonly axis: number;
  readonly classes: number;
  readonly ignore: number | null;
  readonly weight: number;
}

/** How the targets of a net are looked at. */
export interface TargetOptions {
  /** Whether SigmoidCrossEntropyLoss cuts targets to whole numbers before it compares them with ignore_label. */
  readonly caffeIgnoreQuirk?: boolean;
}

const losses = new Set(['SigmoidCrossEntropyLoss', 'SoftmaxWithLoss']);

/** Follows a blob through Split layers to the data layer that feeds it; undefined where another layer makes it. */
export function fedBlob(net: Net, id: number): string | undefined {
  const maker = net.layers.find(({ tops }) => tops.includes(id));
  if (!maker) return undefined;
  if (isSource(maker.type)) return net.blobs[id]!.name;
  return maker.type === 'Split' ? fedBlob(net, maker.bottoms[0]!) : undefined;
}

function targetOf(net: Net, layer: NetLayer): Target | undefined {
  const blob = fedBlob(net, layer.bottoms[1]!);
  const weight = layer.lossWeights[0] ?? 0;
  if (blob === undefined) return undefined;
  const [logits, targets] = layer.bottomShapes as [readonly number[], readonly number[]];
  const common = { layer, blob, weight, ignore: ignoreLabel(layer.param) };
  if (layer.type === 'SigmoidCrossEntropyLoss') {
    return { ...common, kind: 'probabilities', axis: 0, classes: 0 };
  }
  const { axis: given } = layer.param.softmax_param;
  const axis = given < 0 ? given + logits.length : given;
  const classes = logits[axis]!;
  const soft = logits.join() === targets.join() && classes !== 1;
  return { ...common, kind: soft ? 'distributions' : 'classes', axis, classes };
}

/** The targets of a net that can be looked at before the net runs. */
export class Targets {
  readonly #targets: readonly Target[];
  readonly #quirk: boolean;
  /** Whether the floor of the loss can be told: every weighted cross-entropy has targets that are fed. */
  readonly known: boolean;

  constructor(net: Net, { caffeIgnoreQuirk = false }: TargetOptions = {}) {
    const layers = net.layers.filter(({ type }) => losses.has(type));
    const found = layers.map((layer) => targetOf(net, layer));
    this.known = layers.every(
      (layer, i) => found[i] !== undefined || layer.lossWeights.every((weight) => weight === 0),
    );
    this.#targets = found.filter((target) => target !== undefined);
    this.#quirk = caffeIgnoreQuirk;
  }

  /**
   * Checks that targets of sigmoid losses lie in [0, 1] (or are ignored), and that class labels are classes.
   * @throws LabelRangeError naming the blob, the place and the value
   */
  check(batch: Batch): void {
    for (const { blob, kind, classes, ignore } of this.#targets) {
      const tensor = batch.get(blob);
      if (!tensor) continue;
      if (kind === 'classes') checkClasses(blob, tensor, classes, ignore);
      else checkUnit(blob, tensor, ignore, this.#quirk);
    }
  }

  /**
   * The least value that the net's loss can have with these targets, loss weights in: the entropy of the targets, divided as
   * each loss divides. Losses other than cross-entropies count with 0. Undefined where targets are made by layers.
   */
  floor(batch: Batch): number | undefined {
    if (!this.known) return undefined;
    let floor = 0;
    for (const target of this.#targets) {
      const tensor = batch.get(target.blob);
      if (!tensor || target.weight === 0 || target.kind === 'classes') continue;
      floor += target.weight * this.#floorOf(target, tensor);
    }
    return floor;
  }

  #floorOf({ layer, kind, axis, ignore }: Target, { shape, data }: BatchTensor): number {
    const [sum, valid, rows] =
      kind === 'probabilities'
        ? [...binaryEntropy(data, ignore, this.#quirk), data.length]
        : distributionEntropy(data, shape, axis, ignore);
    const outer = kind === 'probabilities' ? shape[0]! : countOf(shape.slice(0, axis));
    const mode = normalizationOf(layer.param, kind === 'probabilities' ? 'BATCH_SIZE' : 'VALID');
    const divisors = { FULL: rows, VALID: valid, BATCH_SIZE: outer, NONE: 1 };
    return sum / Math.max(1, divisors[mode]);
  }
}

function coordinates(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .toReversed();
}

function checkUnit(blob: string, { shape, data }: BatchTensor, ignore: number | null, cut: boolean): void {
  let first = -1;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if ((value >= 0 && value <= 1) || value === ignore) continue;
    if (cut && Math.trunc(value) === ignore) continue;
    if (count++ === 0) first = i;
  }
  if (count > 0) throw new LabelRangeError(blob, coordinates(first, shape), data[first]!, count);
}

function checkClasses(
  blob: string,
  { shape, data }: BatchTensor,
  classes: number,
  ignore: number | null,
): void {
  let first = -1;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const label = Math.trunc(data[i]!);
    if ((label >= 0 && label < classes) || label === ignore) continue;
    if (count++ === 0) first = i;
  }
  if (count > 0) throw new LabelRangeError(blob, coordinates(first, shape), data[first]!, count, classes);
}
