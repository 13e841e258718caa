/** Losses against the reference: every kind, option, dtype, layout and reduction. */
import type { DType, Reduction } from '@softxent/core';
import { worse, type Check, type Measured, type Subject } from '../check.js';
import { hold, type LossCase } from '../hold.js';
import type { Random } from '../random.js';
import { fill, type HostOperands } from '../tensors.js';
import { families } from '../cases/index.js';
import {
  extentOf,
  keptShapeOf,
  lossOf,
  randomOperands,
  rowShapeOf,
  type Family,
  type Layout,
  type OptionSet,
} from '../cases/family.js';

/** Every reduction. */
export const reductions: readonly Reduction[] = [
  'none',
  'sum',
  'mean',
  'mean-valid',
  'mean-batch',
  'mean-weight',
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The shapes that weights and masks of a layout may have: full, broadcast along one axis or all, fewer dimensions. */
export function broadcastShapes(shape: readonly number[]): number[][] {
  const shapes = [[...shape], shape.map(() => 1), []];
  if (shape.length > 1) {
    shapes.push(shape.slice(1), [1, ...shape.slice(1)], shape.slice(-1));
    shapes.push([...shape.slice(0, -1), 1]);
  }
  return shapes;
}

/** The shape that weights of a family broadcast to, and the mask's. */
export function targetShapes(family: Family, layout: Layout): { weights: number[]; mask: number[] } {
  const rows = rowShapeOf(layout);
  if (family.granularity === 'element') return { weights: [...layout.shape], mask: [...layout.shape] };
  return { weights: rows, mask: family.granularity === 'class' ? rows : [...layout.shape] };
}

/** Weights with some zeros; moderate, so that sums keep their digits. */
export const randomWeights = (dtype: DType, shape: readonly number[], random: Random) =>
  fill(dtype, shape, () => (random.chance(0.15) ? 0 : Math.fround(0.25 + 2 * random.uniform())));

/** A mask of 0 and other bytes. */
export const randomMask = (shape: readonly number[], random: Random) =>
  fill('uint8', shape, () => (random.chance(0.3) ? 0 : random.pick([1, 1, 255])));

/** Runs cases one after the other and keeps the worst of what they measured. */
export async function holdAll(subject: Subject, cases: Iterable<LossCase>): Promise<Measured> {
  let measured: Measured = {};
  for (const given of cases) measured = worse(measured, await hold(subject, given));
  return measured;
}

function* matrixCases(
  family: Family,
  types: { prediction: DType; targets: DType },
  random: Random,
): Generator<LossCase> {
  const layouts = family.layouts.filter(({ shape }) => sizeOf(shape) > 1 && sizeOf(shape) < 700);
  for (const [variant] of family.variants(2).entries()) {
    const layout = random.pick(layouts);
    const options = family.variants(extentOf(layout))[variant] as OptionSet;
    const operands = randomOperands(family, layout, options, types, random);
    yield { loss: lossOf(family, layout, options, { reduction: 'none' }), operands };
    const shapes = targetShapes(family, layout);
    const weights = randomWeights('float32', random.pick(broadcastShapes(shapes.weights)), random);
    const mask = randomMask(random.pick(broadcastShapes(shapes.mask)), random);
    const extra: HostOperands = {
      ...(random.chance(0.5) ? { weights } : {}),
      ...(random.chance(0.5) ? { mask } : {}),
    };
    const common = { reduction: random.pick(reductions.slice(1)) };
    yield {
      loss: lossOf(family, layout, options, common),
      operands: { ...operands, ...extra },
      upstream: 1.5,
    };
  }
}

function matrixChecks(family: Family): Check[] {
  return (['float32', 'float64', 'float16'] as const).flatMap((prediction) =>
    family.targets.map((targets) => ({
      name: `${family.kind}: ${prediction} predictions, ${targets} targets, every option`,
      capability: `${family.kind}, ${prediction}`,
      quick: targets === 'float32' || (targets === 'int32' && prediction === 'float32'),
      run: (subject: Subject) =>
        holdAll(subject, matrixCases(family, { prediction, targets }, subject.random)),
    })),
  );
}

const float32 = { prediction: 'float32', targets: 'float32' } as const;

function* layoutCases(family: Family, random: Random): Generator<LossCase> {
  for (const layout of family.layouts) {
    const operands = randomOperands(family, layout, {}, float32, random);
    for (const reduction of ['none', 'mean'] as const) {
      yield { loss: lossOf(family, layout, {}, { reduction }), operands };
    }
  }
}

function* reductionCases(family: Family, random: Random): Generator<LossCase> {
  const layout = family.layouts.find(({ shape }) => shape.length === 4 && sizeOf(shape) < 700) as Layout;
  const { weights, mask } = targetShapes(family, layout);
  for (const reduction of reductions) {
    const operands = randomOperands(family, layout, {}, float32, random);
    const loss = lossOf(family, layout, {}, { reduction });
    const both = { weights: randomWeights('float32', weights, random), mask: randomMask(mask, random) };
    yield { loss, operands };
    yield { loss, operands: { ...operands, weights: both.weights }, upstream: -0.75 };
    yield { loss, operands: { ...operands, mask: both.mask } };
    yield { loss, operands: { ...operands, ...both } };
    // A divisor of 0, and one that is 0 by its weights alone.
    yield { loss, operands: { ...operands, mask: fill('uint8', [1], () => 0) } };
    yield { loss, operands: { ...operands, weights: fill('float32', [1], () => 0) } };
  }
}

function* broadcastCases(family: Family, random: Random): Generator<LossCase> {
  const layout = family.layouts.find(({ shape }) => shape.length === 4 && sizeOf(shape) < 700) as Layout;
  const targets = targetShapes(family, layout);
  const operands = randomOperands(family, layout, {}, float32, random);
  const kept = family.granularity === 'element' ? [] : [keptShapeOf(layout)];
  for (const reduction of ['none', 'mean-weight'] as const) {
    const loss = lossOf(family, layout, {}, { reduction });
    for (const shape of [...broadcastShapes(targets.weights), ...kept]) {
      yield { loss, operands: { ...operands, weights: randomWeights('float32', shape, random) } };
    }
    for (const shape of [...broadcastShapes(targets.mask), ...(family.granularity === 'class' ? kept : [])]) {
      yield { loss, operands: { ...operands, mask: randomMask(shape, random) } };
    }
  }
}

/** Weights of a dtype, for one loss of each granularity. */
function* weightTypeCases(dtype: DType, random: Random): Generator<LossCase> {
  for (const granularity of ['element', 'class', 'region'] as const) {
    const family = families.find((candidate) => candidate.granularity === granularity) as Family;
    const layout = family.layouts.find(({ shape }) => shape.length === 4 && sizeOf(shape) < 700) as Layout;
    const weights = randomWeights(dtype, targetShapes(family, layout).weights, random);
    const operands = { ...randomOperands(family, layout, {}, float32, random), weights };
    for (const reduction of ['none', 'mean-weight'] as const) {
      yield { loss: lossOf(family, layout, {}, { reduction }), operands };
    }
  }
}

function* extremeCases(family: Family, prediction: DType, random: Random): Generator<LossCase> {
  const { predictions, targets } = family.extremes;
  if (family.granularity === 'element') {
    const all = predictions.flatMap((x) => targets.map((t) => [x, t] as const));
    for (const options of family.variants(1)) {
      // With beta = 1 the loss has a kink at sigma(x) = t, where rounding decides which slope is taken.
      const hasKink = family.kind === 'qualityFocal' && options['beta'] === 1;
      const pairs = all.filter(([x, t]) => !(hasKink && t === 0.5 && Math.abs(x) < 1e-3));
      const shape = [pairs.length];
      const operands = {
        [family.prediction(options)]: fill(prediction, shape, (i) => pairs[i]?.[0] ?? NaN),
        targets: fill(prediction, shape, (i) => pairs[i]?.[1] ?? NaN),
      };
      yield { loss: family.make({ ...options, reduction: 'none' }), operands };
    }
    return;
  }
  const extent = 3;
  const rows = predictions.flatMap((a) => predictions.flatMap((b) => predictions.map((c) => [a, b, c])));
  const kept = rows.filter((_, i) => family.granularity === 'class' || i % 3 === 0);
  const shape = [kept.length, extent];
  for (const options of family.variants(extent)) {
    const name = family.prediction(options);
    const operands = {
      [name]: fill(prediction, shape, (i) => {
        const value = kept[Math.floor(i / extent)]?.[i % extent] ?? NaN;
        return name === 'logits' || Number.isNaN(value) ? value : Math.min(Math.max(value, 0), 1);
      }),
      targets: fill(prediction, shape, () => random.pick(targets)),
    };
    yield { loss: family.make({ ...options, reduction: 'none' }), operands, gradients: [name] };
  }
}

/** Predictions that nearly agree with their targets: what is left of the value is its second-order part. */
function* agreementCases(prediction: DType, random: Random): Generator<LossCase> {
  const find = (kind: string): Family => families.find((family) => family.kind === kind) as Family;
  const shape = [40, 4];
  const distances = [0, 1e-6, 1e-4, 1e-2, 0.2];
  const common = { reduction: 'none', floor: 'entropy' };
  const t = fill(prediction, shape, () => random.uniform(0.01, 0.99));
  const target = (i: number): number => t.data[i] as number;
  const x = fill(prediction, shape, (i) => {
    const logit = Math.log(target(i) / (1 - target(i)));
    return logit + (distances[i % distances.length] as number) * random.normal();
  });
  yield { loss: find('sigmoidCrossEntropy').make(common), operands: { logits: x, targets: t } };
  const rows = Array.from({ length: shape[0] as number }, () => {
    const parts = [0, 1, 2, 3].map(() => random.uniform(0.02, 1));
    const total = parts.reduce((a, b) => a + b, 0);
    return parts.map((part) => part / total);
  });
  const row = (i: number): number => rows[Math.floor(i / 4)]?.[i % 4] as number;
  const targets = fill(prediction, shape, row);
  const logits = fill(prediction, shape, (i) => {
    return (
      Math.log(targets.data[i] as number) + (distances[Math.floor(i / 4) % 5] as number) * random.normal()
    );
  });
  yield { loss: find('softmaxCrossEntropy').make({ ...common, axis: 1 }), operands: { logits, targets } };
}

/** A sum over more elements than any block holds, with a loss that is small in most of them. */
function* sumCases(prediction: DType, random: Random): Generator<LossCase> {
  const shape = [3, 1, 251, 173];
  const logits = fill(prediction, shape, () => 12 * random.normal());
  const targets = fill('uint8', shape, (i) => ((logits.data[i] as number) > 0 ? 255 : 0));
  yield { loss: families[0]!.make({ reduction: 'mean' }), operands: { logits, targets } };
  const weights = randomWeights('float32', shape, random);
  yield { loss: families[0]!.make({ reduction: 'mean-weight' }), operands: { logits, targets, weights } };
}

function check(
  name: string,
  capability: string,
  cases: (random: Random) => Iterable<LossCase>,
  quick = true,
): Check {
  return { name, capability, quick, run: (subject) => holdAll(subject, cases(subject.random)) };
}

/** The checks of one kind of loss against its formula. */
export function familyChecks(family: Family): Check[] {
  return [
    ...matrixChecks(family),
    check(`${family.kind}: every layout, empty ones too`, 'layouts', (random) => layoutCases(family, random)),
    check(`${family.kind}: every reduction, with weights and masks`, 'reductions', (random) =>
      reductionCases(family, random),
    ),
    check(`${family.kind}: weights and masks of every shape that broadcasts`, 'broadcasting', (random) =>
      broadcastCases(family, random),
    ),
    ...(['float32', 'float64'] as const).map((dtype) =>
      check(
        `${family.kind}: ${dtype} extremes: huge, tiny, infinite and NaN`,
        'extreme values',
        (random) => extremeCases(family, dtype, random),
        dtype === 'float32',
      ),
    ),
  ];
}

/** All checks against the reference. */
export function accuracyChecks(): Check[] {
  const perFamily = families.flatMap(familyChecks);
  const across = (['float32', 'float64'] as const).flatMap((dtype) => [
    check(`divergences near agreement keep their digits, ${dtype}`, 'floor', (random) =>
      agreementCases(dtype, random),
    ),
    check(
      `sums of 130,000 terms keep their digits, ${dtype}`,
      'sums',
      (random) => sumCases(dtype, random),
      false,
    ),
  ]);
  const weights = (['float32', 'float64', 'float16'] as const).map((dtype) =>
    check(`weights may be ${dtype}`, 'weights', (random) => weightTypeCases(dtype, random)),
  );
  return [...perFamily, ...across, ...weights];
}
