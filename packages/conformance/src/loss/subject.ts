/** A loss of a user's own, and what it is held to. */
import type { Accuracy, Loss, LossDefinition, LossFactory, Prediction } from '@softxent/core';
import type { Formula, Options, Row, RowLoss } from '@softxent/core/reference';
import {
  classLayouts,
  elementLayouts,
  extentOf,
  regionLayouts,
  type Extremes,
  type Family,
  type Layout,
  type OptionSet,
} from '../cases/family.js';
import { backwardError, derivativeError, withDerivatives, type ValueFormula } from './derive.js';

/** A loss made with `defineLoss`, its formula, and what to try. `O` are the loss's own options. */
export interface HeldLoss<O extends object = Record<never, never>> {
  /** What `defineLoss` returned. */
  readonly loss: LossFactory<O, Prediction>;
  /**
   * The value of one row in float64, written from the definition and without the expression language: of one element
   * (`x`, `t` and `notT` have length 1), of the classes along the axis, or of the unmasked elements of a region.
   *
   * Where it returns a number, gradients are found by differences, and results have to be the formula's for operands that
   * differ by no more than 2^-18 of max(1, |x|): about five digits. Where it returns a `RowLoss`, it gives
   * derivatives as well, and the largest term of each number as its scale; results are then held to the ulp that the
   * backend declares.
   */
  readonly formula: (row: Row, options: Readonly<O>) => number | RowLoss;
  /** Sets of its own options, each of which is held; default: its defaults alone. May depend on the length of a row. */
  readonly options?: readonly Partial<O>[] | ((extent: number) => readonly Partial<O>[]);
  /** Predictions and targets that are tried in every combination; what is left out is {@link extremesFor}'s. */
  readonly extremes?: Partial<Extremes>;
  /** Operands to differentiate by; default: the prediction and soft targets. */
  readonly gradients?: readonly string[];
}

/** Values at which forms that cancel, overflow or underflow show it: what is tried unless the subject says otherwise. */
export function extremesFor(prediction: Prediction, granularity: Formula['granularity']): Extremes {
  const targets = [0, 1, 0.5, 1e-7, 0.999999, 0.25];
  if (prediction === 'probabilities') {
    return { predictions: [0, 1, 0.5, 0.25, 1e-7, 0.999999, 1 - 2 ** -11], targets };
  }
  const few = [0, 1e-6, -20, 20, 1e4, -1e4];
  const more = [-0, -1e-6, 1, -1, 10, -15, 17, 35, 60, -60, 80, -80, 87, -87, 88, -88, 100, -100];
  if (granularity !== 'element') return { predictions: [...few, NaN], targets };
  return { predictions: [...few, ...more, NaN], targets: [...targets, 1e-30, NaN] };
}

/** Longest axis, and most elements of a row, where gradients are found by differences: each costs many values of the row. */
const [longestAxis, longestRow] = [17, 200];

/** A held loss as checks need it. */
export interface Prepared {
  readonly family: Family;
  readonly formula: Formula;
  readonly gradients?: readonly string[];
  /** What results are held to on a device of this accuracy. */
  readonly accuracyOn: (accuracy: Accuracy) => Accuracy;
}

/** Makes cases of a loss. */
export function prepare<O extends object>(held: HeldLoss<O>): Prepared {
  const definition = held.loss.definition;
  const { kind, granularity, distributions } = definition;
  const make = held.loss as unknown as (options: OptionSet) => Loss;
  const setsFor = (extent: number): readonly OptionSet[] => {
    const sets = typeof held.options === 'function' ? held.options(extent) : held.options;
    return sets === undefined || sets.length === 0 ? [{}] : sets;
  };
  const resolved = (options: OptionSet, extent: number): Options =>
    make({ ...setsFor(extent)[0], ...options }).options;
  const byDifferences = returnsNumbers(held, resolved({}, 2));
  const row = byDifferences
    ? withDerivatives(held.formula as unknown as ValueFormula, (options) => definition.prediction(options))
    : (held.formula as unknown as Formula['row']);
  const prediction = definition.prediction(resolved({}, 2));
  const extremes = { ...extremesFor(prediction, granularity), ...held.extremes };
  return {
    family: {
      kind,
      granularity,
      targets: definition.targets,
      variants: setsFor,
      base: (extent) => setsFor(extent)[0] as OptionSet,
      make,
      prediction: (options) => definition.prediction(resolved(options, 2)),
      layouts: layoutsOf(definition, resolved({}, 2), byDifferences),
      extremes,
    },
    formula: {
      granularity,
      prediction: (options) => definition.prediction(options),
      axes: (options, rank) => definition.axes(options, rank),
      distributions,
      row,
    },
    ...(held.gradients === undefined ? {} : { gradients: held.gradients }),
    accuracyOn: byDifferences ? looser : (accuracy) => accuracy,
  };
}

/** What the formula gives: asked with a row that any loss is defined on. */
function returnsNumbers<O extends object>({ formula, loss }: HeldLoss<O>, options: Options): boolean {
  const extent = loss.definition.granularity === 'element' ? 1 : 2;
  const half = Array.from({ length: extent }, () => 0.5);
  return (
    typeof formula({ x: half, t: half, notT: half, labels: false }, options as unknown as O) === 'number'
  );
}

const standardLayouts = { element: elementLayouts, class: classLayouts, region: regionLayouts } as const;

/** Shapes of the suite, reduced along the axes that the loss says. */
function layoutsOf(definition: LossDefinition, options: Options, isShort: boolean): Layout[] {
  const layouts: Layout[] = [];
  const seen = new Set<string>();
  for (const { shape: standard } of standardLayouts[definition.granularity]) {
    const rank = standard.length;
    const axes = definition
      .axes(options, rank)
      .map((axis) => (axis < 0 ? axis + rank : axis))
      .toSorted((a, b) => a - b);
    const isPossible = axes.every((axis) => axis >= 0 && axis < rank);
    const shape = standard.map((size, axis) =>
      isShort && axes.includes(axis) ? Math.min(size, longestAxis) : size,
    );
    const layout = { shape, axes, options: {} };
    if (!isPossible || seen.has(shape.join()) || (isShort && extentOf(layout) > longestRow)) continue;
    seen.add(shape.join());
    layouts.push(layout);
  }
  return layouts;
}

/** In ulp: what derivatives by differences, and scales by disturbed operands, allow to be said. */
function looser(accuracy: Accuracy): Accuracy {
  const atLeast = (
    declared: Accuracy['value'],
    least: Readonly<Record<'float32' | 'float64', number>>,
  ): Accuracy['value'] => ({
    ...(declared.float32 === undefined ? {} : { float32: Math.max(declared.float32, least.float32) }),
    ...(declared.float64 === undefined ? {} : { float64: Math.max(declared.float64, least.float64) }),
  });
  const float32 = backwardError / 2 ** -23;
  return {
    sum: accuracy.sum,
    subnormals: accuracy.subnormals,
    value: atLeast(accuracy.value, { float32, float64: 2 ** -30 / 2 ** -52 }),
    gradient: atLeast(accuracy.gradient, { float32, float64: derivativeError / 2 ** -52 }),
  };
}
