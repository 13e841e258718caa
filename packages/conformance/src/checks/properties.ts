/** What must hold between calls, whatever the numbers are. */
import { sigmoidCrossEntropy, softmaxCrossEntropy, type DType, type Loss, type Tensor } from '@softxent/core';
import { rowSumTolerance, referenceLoss } from '@softxent/core/reference';
import { promise, Unsupported, type Check, type Measured, type Subject } from '../check.js';
import { families } from '../cases/index.js';
import { lossOf, randomLogit, randomOperands, type Family, type Layout } from '../cases/family.js';
import {
  allowanceFor,
  describeCase,
  gradientsOf,
  hold,
  runCase,
  type CaseResult,
  type LossCase,
} from '../hold.js';
import type { Random } from '../random.js';
import { coordinatesOf, elementAt, fill, from, replaced, sameBits } from '../tensors.js';
import { ulpOf } from '../ulp.js';
import { randomMask, randomWeights, targetShapes } from './accuracy.js';

const float32 = { prediction: 'float32', targets: 'float32' } as const;

const layoutOf = (family: Family): Layout => family.layouts.find(({ shape }) => shape.length === 4) as Layout;

/** A property that is checked for every kind of loss. */
function everyLoss(
  promised: string,
  capability: string,
  run: (subject: Subject, family: Family, random: Random) => Promise<Measured>,
): Check[] {
  return families.map((family) => ({
    name: `${family.kind}: ${promised}`,
    capability,
    quick: true,
    run: (subject) => run(subject, family, subject.random),
  }));
}

/** Throws unless two results have the same bits. */
export function sameResults(a: CaseResult, b: CaseResult, given: LossCase, why: string): void {
  const differs = firstDifference(a, b);
  promise(differs === undefined, () => `${why}: ${differs}\n${describeCase(given)}`);
}

function firstDifference(a: CaseResult, b: CaseResult): string | undefined {
  if (typeof a.value === 'number' || typeof b.value === 'number') {
    if (!Object.is(a.value, b.value)) return `value ${show(a.value)} and ${show(b.value)}`;
  } else if (!sameBits(a.value, b.value)) return tensorDifference('value', a.value, b.value);
  for (const name of Object.keys(a.gradients)) {
    const [left, right] = [a.gradients[name] as Tensor, b.gradients[name]];
    if (right === undefined) return `a gradient of ${name} and none`;
    if (!sameBits(left, right)) return tensorDifference(`gradient of ${name}`, left, right);
  }
  if (!Object.is(a.divisor, b.divisor)) return `divisor ${a.divisor} and ${b.divisor}`;
  return undefined;
}

const show = (value: number | Tensor): string => (typeof value === 'number' ? String(value) : 'a tensor');

function tensorDifference(what: string, a: Tensor, b: Tensor): string {
  const index = a.data.findIndex((value, i) => !Object.is(value, b.data[i]));
  const at = coordinatesOf(index, a.shape).join(', ');
  return `${what} at [${at}]: ${elementAt(a, index)} and ${elementAt(b, index)}`;
}

const garbage = (dtype: DType) => (i: number) =>
  dtype === 'uint8' ? 200 : ([NaN, Infinity, -Infinity, 1e30][i % 4] as number);

async function maskedChangesNothing(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const mask = randomMask(targetShapes(family, layout).mask, random);
  const name = family.prediction({});
  const perRow = family.granularity === 'class';
  // For class losses, the mask is one byte a row: [N, K, H, W] has rows [N, H, W].
  const [, classes = 1, height = 1, width = 1] = layout.shape;
  const isMasked = (i: number): boolean => {
    const plane = height * width;
    const row = perRow ? Math.floor(i / (classes * plane)) * plane + (i % plane) : i;
    return mask.data[row] === 0;
  };
  for (const reduction of ['none', 'mean-valid'] as const) {
    const loss = lossOf(family, layout, {}, { reduction });
    const clean: LossCase = { loss, operands: { ...operands, mask } };
    const spoiled: LossCase = {
      loss,
      operands: {
        [name]: replaced(operands[name] as Tensor, isMasked, garbage('float32')),
        targets: replaced(operands['targets'] as Tensor, isMasked, garbage('float32')),
        mask,
      },
    };
    const [a, b] = [await runCase(subject.session, clean), await runCase(subject.session, spoiled)];
    sameResults(a, b, spoiled, 'NaN and infinities at masked elements change the result');
    for (const operand of gradientsOf(clean)) {
      const gradient = b.gradients[operand] as Tensor;
      const wrong = gradient.data.findIndex((value, i) => isMasked(i) && value !== 0);
      promise(wrong < 0, () => {
        const at = coordinatesOf(wrong, gradient.shape).join(', ');
        return `gradient of ${operand} at masked [${at}]: got ${elementAt(gradient, wrong)}, expected 0\n${describeCase(spoiled)}`;
      });
    }
  }
  return {};
}

async function weightZeroIsZero(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const name = family.prediction({});
  const prediction = replaced(
    operands[name] as Tensor,
    () => true,
    (i) => [NaN, Infinity, -1e30][i % 3] as number,
  );
  const weights = fill('float32', [1], () => 0);
  for (const reduction of ['none', 'sum', 'mean-valid'] as const) {
    const given = {
      loss: lossOf(family, layout, {}, { reduction }),
      operands: { ...operands, [name]: prediction, weights },
    };
    await hold(subject, given);
  }
  return {};
}

async function weightsAreLinear(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const weights = randomWeights('float32', targetShapes(family, layout).weights, random);
  const doubled = replaced(
    weights,
    () => true,
    (i) => 4 * elementAt(weights, i),
  );
  for (const reduction of ['none', 'sum'] as const) {
    const loss = lossOf(family, layout, {}, { reduction });
    const once = await runCase(subject.session, { loss, operands: { ...operands, weights } });
    const given = { loss, operands: { ...operands, weights: doubled } };
    const result = await runCase(subject.session, given);
    sameResults(scaled(once, 4), withoutTiny(result), given, 'four times the weights, four times the result');
  }
  return {};
}

/** A result with every number through `change`. */
function changed(result: CaseResult, change: (value: number) => number): CaseResult {
  const all = (tensor: Tensor): Tensor =>
    fill(tensor.dtype, tensor.shape, (i) => change(elementAt(tensor, i)));
  return {
    ...result,
    value: typeof result.value === 'number' ? change(result.value) : all(result.value),
    gradients: Object.fromEntries(Object.entries(result.gradients).map(([name, g]) => [name, all(g)])),
  };
}

// Numbers near the end of the range lose digits: they scale exactly only above it. -0 and 0 are the same here.
const tiny = 2 ** -120;
const orZero = (value: number): number => (Math.abs(value) < tiny ? 0 : value);

const withoutTiny = (result: CaseResult): CaseResult => changed(result, orZero);

/** A power of two times a result: exact. */
const scaled = (result: CaseResult, factor: number): CaseResult =>
  changed(result, (value) => orZero(factor * value));

async function upstreamScalesGradients(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const loss = lossOf(family, layout, {}, { reduction: 'mean' });
  const once = await runCase(subject.session, { loss, operands });
  const given = { loss, operands, upstream: -8 };
  const result = await runCase(subject.session, given);
  const eightTimes = { ...scaled(once, -8), value: once.value };
  sameResults(
    eightTimes,
    { ...withoutTiny(result), value: result.value },
    given,
    'upstream -8 is -8 times the gradients',
  );
  return {};
}

async function ignoredIsMasked(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  for (const [targetType, ignoreValue] of [
    ['float32', 0.7],
    ['float32', NaN],
    ['float32', -1],
    ['uint8', 127],
  ] as const) {
    const operands = randomOperands(
      family,
      layout,
      {},
      { prediction: 'float32', targets: targetType },
      random,
    );
    const mask = randomMask(targetShapes(family, layout).mask, random);
    const [, classes = 1, height = 1, width = 1] = layout.shape;
    const plane = height * width;
    const row = (i: number): number =>
      family.granularity === 'class' ? Math.floor(i / (classes * plane)) * plane + (i % plane) : i;
    // Neighbours of the value that a truncating comparison would take for it stay where they are.
    const near = targetType === 'uint8' ? 128 : 0.5;
    const drawn = operands['targets'] as Tensor;
    const targets = replaced(
      replaced(
        drawn,
        (i) => i % 11 === 5 || elementAt(drawn, i) === ignoreValue,
        () => near,
      ),
      (i) => mask.data[row(i)] === 0,
      () => ignoreValue,
    );
    for (const reduction of ['none', 'mean-valid'] as const) {
      const given: LossCase = {
        loss: lossOf(family, layout, {}, { reduction, ignoreValue }),
        operands: { ...operands, targets },
      };
      const masked: LossCase = {
        loss: lossOf(family, layout, {}, { reduction }),
        operands: { ...operands, targets, mask },
      };
      await hold(subject, given);
      const [a, b] = [await runCase(subject.session, given), await runCase(subject.session, masked)];
      sameResults(a, b, given, `targets that equal ignoreValue ${ignoreValue} are not as if masked`);
    }
  }
  return {};
}

async function ignoringTruncatesNothing(subject: Subject): Promise<Measured> {
  const logits = from('float32', [6], [1, -2, 3, 0.5, -0.25, 2]);
  let measured: Measured = {};
  for (const [dtype, values, ignoreValue] of [
    ['float32', [0, 0.4, 0.9999, 1, 1e-7, 0.5], 0],
    ['float32', [1, 0.9999999, 0.5, 1, 0, 0.25], 1],
    ['float32', [-0.5, -1, 0.5, 1, 0, -1], -1],
    ['uint8', [0, 1, 127, 254, 255, 128], 1],
    ['uint8', [0, 1, 127, 254, 255, 128], 0],
  ] as const) {
    const loss = sigmoidCrossEntropy({ reduction: 'mean-valid', ignoreValue }) as Loss;
    measured = await hold(subject, { loss, operands: { logits, targets: from(dtype, [6], values) } });
  }
  const labels = {
    logits: fill('float32', [4, 3], (i) => Math.sin(i)),
    targets: from('int32', [4], [0, 255, 1, -1]),
  };
  for (const ignoreValue of [255, -1, 0]) {
    const loss = softmaxCrossEntropy({ reduction: 'none', ignoreValue }) as Loss;
    await hold(subject, { loss, operands: labels });
  }
  return measured;
}

async function sameBitsEveryRun(subject: Subject, family: Family, random: Random): Promise<Measured> {
  if (!subject.capabilities.deterministic)
    throw new Unsupported('deterministic: the backend does not promise the same bits');
  // Once, more elements than a block holds or a thread would be woken for.
  const isLarge = family.kind === 'sigmoidCrossEntropy';
  const layout = isLarge ? { shape: [7, 1, 53, 71], axes: [], options: {} } : layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const given: LossCase = { loss: lossOf(family, layout, {}, { reduction: 'mean' }), operands };
  const first = await runCase(subject.session, given);
  for (let again = 0; again < 3; again++) {
    sameResults(
      first,
      await runCase(subject.session, given),
      given,
      'another run of the same call gives other bits',
    );
  }
  for (const backend of [subject.backend, ...subject.variants]) {
    await subject.withSession(async (session) => {
      const why = `another session (${session.description}) gives other bits`;
      sameResults(first, await runCase(session, given), given, why);
    }, backend);
  }
  return {};
}

async function operandsAreLeftAlone(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const { weights, mask } = targetShapes(family, layout);
  const all = {
    ...operands,
    weights: randomWeights('float32', weights, random),
    mask: randomMask(mask, random),
  };
  const before = Object.entries(all).map(([name, tensor]) => [name, tensor.data.slice()] as const);
  const given: LossCase = { loss: lossOf(family, layout, {}), operands: all };
  await runCase(subject.session, given);
  for (const [name, data] of before) {
    const after = all[name as keyof typeof all];
    promise(
      sameBits({ ...after, data }, after),
      () => `a run changed its operand ${name}\n${describeCase(given)}`,
    );
  }
  return {};
}

async function shiftChangesNothing(subject: Subject): Promise<Measured> {
  const { random } = subject;
  const shape = [30, 7];
  // Multiples of 1/64 below 32 shift by 64 without rounding.
  const logits = fill('float32', shape, () => Math.round(randomLogit(random)) / 64);
  const shifted = replaced(
    logits,
    () => true,
    (i) => elementAt(logits, i) + 64,
  );
  const targets = fill('float32', shape, () => random.uniform(0, 2 / 7));
  const loss = softmaxCrossEntropy({ reduction: 'none' }) as Loss;
  const measured = await hold(subject, { loss, operands: { logits, targets } });
  const given: LossCase = { loss, operands: { logits: shifted, targets }, gradients: ['logits'] };
  const [a, b] = [
    await runCase(subject.session, { loss, operands: { logits, targets }, gradients: ['logits'] }),
    await runCase(subject.session, given),
  ];
  const allowed = allowanceFor(subject, given, 'value', 'float32', shape[0]);
  const scales = referenceLoss(loss, given.operands).scales.rows;
  const [left, right] = [a.value as Tensor, b.value as Tensor];
  for (let i = 0; i < left.data.length; i++) {
    const difference = Math.abs(elementAt(left, i) - elementAt(right, i));
    const bound =
      2 * (allowed.ulp * ulpOf(scales[i] as number, 'float32') + allowed.relative * (scales[i] as number));
    promise(
      difference <= bound,
      () =>
        `row ${i} shifted by 64: ${elementAt(left, i)} and ${elementAt(right, i)}\n${describeCase(given)}`,
    );
  }
  return measured;
}

async function gradientsSumToZero(subject: Subject): Promise<Measured> {
  const { random } = subject;
  const [rows, classes] = [40, 9];
  const logits = fill('float32', [rows, classes], () => randomLogit(random));
  const targets = fill('float32', [rows, classes], () => random.uniform());
  const loss = softmaxCrossEntropy({ reduction: 'sum' }) as Loss;
  const given: LossCase = { loss, operands: { logits, targets }, gradients: ['logits'] };
  const gradient = (await runCase(subject.session, given)).gradients['logits'] as Tensor;
  const scales = referenceLoss(loss, given.operands, { gradients: ['logits'] }).scales.gradients[
    'logits'
  ] as Float64Array;
  const { ulp, relative } = allowanceFor(subject, given, 'gradient', 'float32', rows);
  for (let row = 0; row < rows; row++) {
    let [sum, bound] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const scale = scales[row * classes + c] as number;
      sum += elementAt(gradient, row * classes + c);
      bound += ulp * ulpOf(scale, 'float32') + relative * scale;
    }
    promise(
      Math.abs(sum) <= bound,
      () => `gradients of row ${row} sum to ${sum}, not 0 (allowed ${bound})\n${describeCase(given)}`,
    );
  }
  return {};
}

async function valuesReachTheFloor(subject: Subject): Promise<Measured> {
  const { random } = subject;
  const shape = [50, 5];
  const targets = fill('float32', shape, () => (random.chance(0.1) ? 0 : random.uniform()));
  const logits = fill('float32', shape, () => randomLogit(random));
  for (const make of [sigmoidCrossEntropy, softmaxCrossEntropy] as const) {
    const of = (floor: 'none' | 'entropy'): LossCase => ({
      loss: make({ reduction: 'none', floor }) as Loss,
      operands: { logits, targets },
      gradients: ['logits'],
    });
    const [plain, floored] = [of('none'), of('entropy')];
    const [a, b] = [await runCase(subject.session, plain), await runCase(subject.session, floored)];
    const [values, divergences] = [a.value as Tensor, b.value as Tensor];
    for (let i = 0; i < values.data.length; i++) {
      const [value, divergence] = [elementAt(values, i), elementAt(divergences, i)];
      promise(divergence >= 0, () => `divergence ${i} is negative: ${divergence}\n${describeCase(floored)}`);
      promise(
        divergence <= value * (1 + 1e-5),
        () => `divergence ${divergence} is above the cross-entropy ${value}\n${describeCase(floored)}`,
      );
    }
  }
  return {};
}

async function countsInvalidTargets(subject: Subject): Promise<Measured> {
  const logits = fill('float32', [4, 3], (i) => Math.cos(i));
  const x = { logits };
  const count = { validate: 'count', reduction: 'mean-valid' } as const;
  const values = [1.5, 0, 0.5, NaN, -1e-7, 1, 1, 0, 0.25, 0.75, 2, 0];
  const mask = from('uint8', [4, 1], [1, 1, 1, 0]);
  const off = 1 + 3 * rowSumTolerance('float32', 3);
  const rows = [0.2, 0.3, 0.5, 0.2, 0.3, 0.6, off / 2, off / 2, 0, 0.25, 0.25, 0.5];
  const cases: LossCase[] = [
    {
      loss: sigmoidCrossEntropy(count) as Loss,
      operands: { ...x, targets: from('float32', [4, 3], values), mask },
    },
    {
      loss: sigmoidCrossEntropy({ ...count, ignoreValue: 1.5 }) as Loss,
      operands: { ...x, targets: from('float32', [4, 3], values) },
    },
    { loss: softmaxCrossEntropy(count) as Loss, operands: { ...x, targets: from('float32', [4, 3], rows) } },
    {
      loss: softmaxCrossEntropy(count) as Loss,
      operands: { ...x, targets: from('float32', [4, 3], values) },
    },
    {
      loss: softmaxCrossEntropy(count) as Loss,
      operands: { ...x, targets: from('uint8', [4, 3], [85, 85, 85, 85, 85, 84, 85, 85, 80, 255, 0, 0]) },
    },
    {
      loss: softmaxCrossEntropy(count) as Loss,
      operands: { ...x, targets: from('int32', [4], [0, 3, -1, 2]) },
    },
    {
      loss: softmaxCrossEntropy({ ...count, ignoreValue: -1 }) as Loss,
      operands: { ...x, targets: from('int32', [4], [0, 3, -1, 2]) },
    },
  ];
  for (const given of cases) await hold(subject, { ...given, gradients: ['logits'] });
  return {};
}

const once = (name: string, capability: string, run: Check['run']): Check => ({
  name,
  capability,
  quick: true,
  run,
});

/** All checks of properties. */
export function propertyChecks(): Check[] {
  return [
    ...everyLoss('masked elements change nothing and have gradient 0', 'masks', maskedChangesNothing),
    ...everyLoss('a weight of 0 makes 0 of NaN and infinity', 'weights', weightZeroIsZero),
    ...everyLoss('the result is linear in the weights', 'weights', weightsAreLinear),
    ...everyLoss('upstream scales the gradients', 'upstream', upstreamScalesGradients),
    ...everyLoss('targets that equal ignoreValue are as if masked', 'ignoreValue', ignoredIsMasked),
    once('ignoreValue truncates nothing', 'ignoreValue', ignoringTruncatesNothing),
    ...everyLoss('the same bits on every run', 'determinism', sameBitsEveryRun),
    ...everyLoss('operands are left alone', 'operands', operandsAreLeftAlone),
    once('softmax does not change when a row is shifted', 'properties of softmax', shiftChangesNothing),
    once('the gradients of a row sum to 0', 'properties of softmax', gradientsSumToZero),
    once('no divergence is negative, none above its cross-entropy', 'floor', valuesReachTheFloor),
    once('invalid targets are counted', 'validate', countsInvalidTargets),
  ];
}
