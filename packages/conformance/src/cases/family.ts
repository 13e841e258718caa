/** What every family of losses gives to the checks that run over all of them. */
import type { DType, Loss, Reduction } from '@softxent/core';
import type { Random } from '../random.js';
import { fill, type HostOperands } from '../tensors.js';
import type { Tensor } from '@softxent/core';

/** Options by name. */
export type OptionSet = Readonly<Record<string, unknown>>;

/** A shape, and how the loss runs along it. */
export interface Layout {
  readonly shape: readonly number[];
  /** Options that say so: `axis` or `axes`. */
  readonly options: OptionSet;
  /** The reduced axes, resolved and ascending. */
  readonly axes: readonly number[];
}

/** One kind of loss, ready to make cases of. */
export interface Family {
  readonly kind: string;
  readonly granularity: 'element' | 'class' | 'region';
  readonly targets: readonly DType[];
  /** Sets of the loss's own options, for so many classes (or elements of a region). */
  readonly variants: (extent: number) => readonly OptionSet[];
  readonly make: (options: OptionSet) => Loss;
  /** Options that the loss needs in every case, beneath those of the case; none for the built-in losses. */
  readonly base?: (extent: number) => OptionSet;
  readonly prediction: (options: OptionSet) => 'logits' | 'probabilities';
  readonly layouts: readonly Layout[];
  /** Values of the prediction and soft targets in which single elements are extreme; every combination is tried. */
  readonly extremes: Extremes;
}

/** Values to combine. */
export interface Extremes {
  readonly predictions: readonly number[];
  readonly targets: readonly number[];
}

/** Number of elements along the reduced axes. */
export function extentOf({ shape, axes }: Layout): number {
  return axes.reduce((product, axis) => product * (shape[axis] as number), 1);
}

/** The shape without the reduced axes. */
export function rowShapeOf({ shape, axes }: Layout): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** The shape with length 1 on the reduced axes. */
export function keptShapeOf({ shape, axes }: Layout): number[] {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

/** For each row-major index of a layout's shape: the row and the position in it. */
export function placesOf({ shape, axes }: Layout): { row: number; position: number }[] {
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, index) => {
    let rest = index;
    const at: number[] = [];
    for (const length of shape.toReversed()) {
      at.unshift(rest % length);
      rest = Math.floor(rest / length);
    }
    let row = 0;
    let position = 0;
    for (const [axis, coordinate] of at.entries()) {
      if (axes.includes(axis)) position = position * (shape[axis] as number) + coordinate;
      else row = row * (shape[axis] as number) + coordinate;
    }
    return { row, position };
  });
}

/** Logits as networks give them: mostly moderate, some confident, some nearly 0. */
export function randomLogit(random: Random): number {
  const kind = random.uniform();
  if (kind < 0.7) return 3 * random.normal();
  if (kind < 0.9) return 20 * random.normal();
  return random.normal() * 1e-3;
}

/** Probabilities of single elements, a few of them sure. */
export function randomProbability(random: Random): number {
  const kind = random.uniform();
  if (kind < 0.08) return 0;
  if (kind < 0.16) return 1;
  if (kind < 0.25) return random.uniform() * 1e-3;
  if (kind < 0.34) return 1 - random.uniform() * 1e-3;
  return random.uniform();
}

/** What a dtype that is no wider than the results' precision can hold: wider operands are given such values. */
function within(predictionType: DType, value: number): number {
  return predictionType === 'float64' ? value : Math.fround(value);
}

/** What to make operands of. */
export interface OperandTypes {
  readonly prediction: DType;
  readonly targets: DType;
}

/** The prediction and the targets of a case. */
export function randomOperands(
  family: Family,
  layout: Layout,
  options: OptionSet,
  types: OperandTypes,
  random: Random,
): HostOperands {
  const name = family.prediction(options);
  const prediction =
    name === 'logits'
      ? fill(types.prediction, layout.shape, () => randomLogit(random))
      : // Away from 0 and 1, where a rounded probability has lost what the loss is made of.
        fill(types.prediction, layout.shape, () => 2 ** -9 + (1 - 2 ** -8) * random.uniform());
  return { [name]: prediction, targets: randomTargets(family, layout, types, random) };
}

/** Targets: probabilities, distributions along the class axis, or labels. */
export function randomTargets(
  family: Family,
  layout: Layout,
  { prediction, targets }: OperandTypes,
  random: Random,
): Tensor {
  const extent = extentOf(layout);
  if (targets === 'int32') {
    const shape = random.chance(0.5) ? rowShapeOf(layout) : keptShapeOf(layout);
    return fill('int32', shape, () => random.integer(extent));
  }
  const scale = targets === 'uint8' ? 255 : 1;
  const round = (value: number): number =>
    targets === 'uint8' ? Math.round(value * scale) : within(prediction, value);
  if (family.granularity !== 'class') {
    return fill(targets, layout.shape, () => round(randomProbability(random)));
  }
  const places = placesOf(layout);
  const rows = rowShapeOf(layout).reduce((a, b) => a * b, 1);
  const distributions = Array.from({ length: rows }, () => distribution(extent, random));
  return fill(targets, layout.shape, (i) => {
    const { row, position } = places[i] as { row: number; position: number };
    return round((distributions[row] as number[])[position] as number);
  });
}

/** A distribution over classes; some are sure of one class, some do not sum to 1. */
export function distribution(extent: number, random: Random): number[] {
  const kind = random.uniform();
  if (kind < 0.2) {
    const sure = random.integer(extent);
    return Array.from({ length: extent }, (_, c) => (c === sure ? 1 : 0));
  }
  const parts = Array.from({ length: extent }, () => (random.chance(0.2) ? 0 : random.uniform() ** 3));
  const total = parts.reduce((a, b) => a + b, 0);
  if (total === 0 || kind < 0.35) return parts;
  return parts.map((part) => part / total);
}

/** The loss of a family with its own options and the common ones. */
export function lossOf(
  family: Family,
  layout: Layout,
  options: OptionSet,
  common: { readonly reduction?: Reduction; readonly ignoreValue?: number; readonly validate?: string } = {},
): Loss {
  return family.make({ ...family.base?.(extentOf(layout)), ...options, ...layout.options, ...common });
}

const layout = (shape: readonly number[], axes: readonly number[], options: OptionSet = {}): Layout => ({
  shape,
  axes,
  options,
});

/** Shapes for losses over single elements: from nothing to more than one block, none of them round. */
export const elementLayouts: readonly Layout[] = [
  layout([], []),
  layout([1], []),
  layout([0], []),
  layout([2, 0, 3], []),
  layout([7], []),
  layout([3, 5], []),
  layout([2, 3, 4, 5], []),
  layout([1, 1, 1, 129], []),
  layout([5, 1, 211], []),
];

/** Shapes for losses along a class axis: first, last, in the middle, one class, many classes, no rows. */
export const classLayouts: readonly Layout[] = [
  layout([5], [0]),
  layout([4, 3], [1]),
  layout([3, 2, 7], [1]),
  layout([2, 21, 3, 5], [1]),
  layout([0, 3], [1]),
  layout([2, 3, 0], [1]),
  layout([3, 1, 4], [1]),
  layout([3, 10], [0], { axis: 0 }),
  layout([3, 5, 4], [2], { axis: -1 }),
  layout([67, 2], [1], { axis: 1 }),
  layout([2, 150, 3], [1]),
  layout([3, 515], [1], { axis: -1 }),
  layout([2, 2, 131], [1]),
];

/** Shapes for losses over regions. */
export const regionLayouts: readonly Layout[] = [
  layout([2, 3, 4, 5], [2, 3]),
  layout([6], [0]),
  layout([3, 7], [1]),
  layout([2, 3, 1], [2]),
  layout([0, 2, 3], [2]),
  layout([2, 3, 5], [1, 2], { axes: [1, 2] }),
  layout([4, 3, 5], [0], { axes: [0] }),
  layout([3, 4, 5], [1], { axes: [1] }),
  layout([2, 2, 9], [2], { axes: [-1] }),
  layout([1, 2, 33, 17], [2, 3]),
];
