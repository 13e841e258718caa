/** The targets of a net's cross-entropy losses, fed or made by layers: what they must be, and how small the loss can get. */
import { LabelRangeError } from '../data/errors.js';
import type { BatchTensor } from '../data/index.js';
import { ignoreLabel, normalizationOf } from '../layers/losses/normalization.js';
import { isSource } from '../layers/index.js';
import type { Net, NetLayer } from '../net/net.js';
import { countOf } from '../net/shape.js';
import { binaryEntropy, distributionEntropy, distributionSums } from './entropy.js';

/** The targets of one loss layer. */
interface Target {
  readonly layer: NetLayer;
  /** The blob that holds them. */
  readonly blob: string;
  /** Layers make the blob of what is fed: it is known when a pass has been made. */
  readonly made: boolean;
  readonly kind: 'probabilities' | 'distributions' | 'classes';
  /** The axis of the classes in the logits, and how many there are. */
  readonly axis: number;
  readonly classes: number;
  /** How many rows of classes stand before that axis. */
  readonly outer: number;
  readonly ignore: number | null;
  readonly weight: number;
}

/** How the targets of a net are looked at. */
export interface TargetOptions {
  /** Whether SigmoidCrossEntropyLoss cuts targets to whole numbers before it compares them with ignore_label. */
  readonly caffeIgnoreQuirk?: boolean;
}

const losses = new Set(['SigmoidCrossEntropyLoss', 'SoftmaxWithLoss']);

/** Losses that can come down to 0, or count as if they could. */
const leastIsZero = new Set([
  'ContrastiveLoss',
  'EuclideanLoss',
  'HingeLoss',
  'InfogainLoss',
  'MultinomialLogisticLoss',
]);

/** What layers compute may be off by some rounding errors. */
const ROUNDING = 1e-5;

/** Follows a blob through Split layers to the layer that wrote it last. */
function maker(net: Net, id: number): { readonly layer: NetLayer; readonly blob: number } | undefined {
  // The last: layers that work in place write a blob that another one has made.
  const layer = net.layers.findLast(({ tops }) => tops.includes(id));
  if (!layer) return undefined;
  return layer.type === 'Split' ? maker(net, layer.bottoms[0]!) : { layer, blob: id };
}

/** Why the least value of a net's loss cannot be told; undefined where it can. */
function reasonOf(net: Net): string | undefined {
  for (const { name, type, lossWeights } of net.layers) {
    const weight = lossWeights.find((each) => each !== 0);
    if (weight === undefined) continue;
    const layer = `layer '${name}' (${type})`;
    if (lossWeights.some((each) => each < 0)) return `${layer} has a negative loss weight`;
    if (!losses.has(type) && !leastIsZero.has(type)) {
      return `${layer} has a loss weight, and its least value is not known`;
    }
  }
  return undefined;
}

function targetOf(net: Net, layer: NetLayer): Target | undefined {
  const found = maker(net, layer.bottoms[1]!);
  const weight = layer.lossWeights[0] ?? 0;
  if (!found) return undefined;
  const [logits, targets] = layer.bottomShapes as [readonly number[], readonly number[]];
  const common = {
    layer,
    blob: net.blobs[found.blob]!.name,
    made: !isSource(found.layer.type),
    weight,
    ignore: ignoreLabel(layer.param),
  };
  if (layer.type === 'SigmoidCrossEntropyLoss') {
    return { ...common, kind: 'probabilities', axis: 0, classes: 2, outer: logits[0]! };
  }
  const { axis: given } = layer.param.softmax_param;
  const axis = given < 0 ? given + logits.length : given;
  const classes = logits[axis]!;
  const soft = logits.join() === targets.join() && classes !== 1;
  const outer = countOf(logits.slice(0, axis));
  return { ...common, kind: soft ? 'distributions' : 'classes', axis, classes, outer };
}

/** Tensors by the names of their blobs. */
type Tensors = ReadonlyMap<string, BatchTensor>;

/** The targets of a net's cross-entropies. */
export class Targets {
  readonly #targets: readonly Target[];
  readonly #quirk: boolean;
  /** No other loss counts. */
  readonly #alone: boolean;
  /** The blobs with targets that layers make, to be looked at when a pass has been made. */
  readonly made: readonly string[];
  /** Why the least value of the net's loss cannot be told; undefined where it can. */
  readonly unknown: string | undefined;

  constructor(net: Net, { caffeIgnoreQuirk = false }: TargetOptions = {}) {
    const layers = net.layers.filter(({ type }) => losses.has(type));
    this.#targets = layers.flatMap((layer) => targetOf(net, layer) ?? []);
    this.#quirk = caffeIgnoreQuirk;
    this.made = [...new Set(this.#targets.filter(({ made }) => made).map(({ blob }) => blob))];
    this.unknown = reasonOf(net);
    const counting = net.layers.filter(({ lossWeights }) => lossWeights.some((weight) => weight !== 0));
    this.#alone = this.unknown === undefined && counting.every(({ type }) => losses.has(type));
  }

  /**
   * Checks that targets of sigmoid losses lie in [0, 1] (or are ignored), and that class labels are classes; of targets that layers
   * make, that they do so but for rounding.
   * @param tensors the batch, or what a pass made of it
   * @param made look at the targets that layers make, not at those that are fed (in-place layers make both go by one name)
   * @throws LabelRangeError naming the blob, the place and the value
   */
  check(tensors: Tensors, made = false): void {
    for (const { blob, kind, classes, ignore } of this.#of(made)) {
      const tensor = tensors.get(blob);
      if (!tensor) continue;
      if (kind === 'classes') checkClasses(blob, tensor, classes, ignore);
      else checkUnit(blob, tensor, ignore, { cut: this.#quirk, slack: made ? ROUNDING : 0 });
    }
  }

  /**
   * The least value that the net's loss can have with these targets, loss weights in: the entropy of the targets, divided as
   * each loss divides. Losses other than cross-entropies count with 0.
   * @param tensors as for `check`: the floor of the loss is the sum of that for the targets that are fed and that for those that are made
   * @returns undefined where it cannot be told: see `unknown`
   */
  floor(tensors: Tensors, made = false): number | undefined {
    if (this.unknown !== undefined) return undefined;
    let floor = 0;
    for (const target of this.#of(made)) {
      const tensor = tensors.get(target.blob);
      if (!tensor || target.weight === 0 || target.kind === 'classes') continue;
      floor += target.weight * this.#floorOf(target, tensor);
    }
    return floor;
  }

  /**
   * Of every loss that counts, the totals of its targets' classes: for probabilities t those of t and 1 - t.
   * @param tensors as for `check`
   * @returns undefined where losses other than cross-entropies count
   */
  totals(tensors: Tensors, made = false): Map<string, number[]> | undefined {
    if (!this.#alone) return undefined;
    const totals = new Map<string, number[]>();
    for (const target of this.#of(made)) {
      const tensor = tensors.get(target.blob);
      if (!tensor || target.weight === 0) continue;
      const { sums, valid, rows } = classSums(target, tensor, this.#quirk);
      const by = target.weight / this.#divisor(target, tensor, valid, rows);
      totals.set(
        target.layer.name,
        sums.map((sum) => sum * by),
      );
    }
    return totals;
  }

  #of(made: boolean): Target[] {
    return this.#targets.filter((target) => target.made === made);
  }

  #floorOf(target: Target, tensor: BatchTensor): number {
    const { kind, axis, ignore } = target;
    const { shape, data } = tensor;
    const [sum, valid, rows] =
      kind === 'probabilities'
        ? [...binaryEntropy(data, ignore, this.#quirk), data.length]
        : distributionEntropy(data, shape, axis, ignore);
    return sum / this.#divisor(target, tensor, valid, rows);
  }

  /** What the loss divides by, where `valid` of `rows` count. */
  #divisor({ layer, kind, outer }: Target, { shape }: BatchTensor, valid: number, rows: number): number {
    const mode = normalizationOf(layer.param, kind === 'probabilities' ? 'BATCH_SIZE' : 'VALID');
    const items = kind === 'probabilities' ? shape[0]! : outer;
    return Math.max(1, { FULL: rows, VALID: valid, BATCH_SIZE: items, NONE: 1 }[mode]);
  }
}

/** Sums over rows of the probability of every class, how many rows count, and how many there are. */
function classSums(
  { kind, classes, axis, ignore }: Target,
  { shape, data }: BatchTensor,
  cut: boolean,
): { readonly sums: number[]; readonly valid: number; readonly rows: number } {
  const sums = Array.from({ length: classes }, () => 0);
  if (kind === 'distributions') {
    const { valid, rows } = distributionSums(data, shape, axis, ignore, sums);
    return { sums, valid, rows };
  }
  let valid = 0;
  for (const value of data) {
    const compared = kind === 'classes' || cut ? Math.trunc(value) : value;
    if (ignore !== null && compared === ignore) continue;
    valid++;
    if (kind === 'classes') {
      sums[compared]!++;
    } else {
      sums[0]! += value;
      sums[1]! += 1 - value;
    }
  }
  return { sums, valid, rows: data.length };
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

function checkUnit(
  blob: string,
  { shape, data }: BatchTensor,
  ignore: number | null,
  { cut, slack }: { readonly cut: boolean; readonly slack: number },
): void {
  let first = -1;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if ((value >= -slack && value <= 1 + slack) || value === ignore) continue;
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
