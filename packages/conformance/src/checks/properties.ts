/** What must hold between calls, whatever the numbers are. */
import type { DType, Tensor } from '@softxent/core';
import { promise, Unsupported, type Check, type Measured, type Subject } from '../check.js';
import { families } from '../cases/index.js';
import { lossOf, placesOf, randomOperands, type Family, type Layout } from '../cases/family.js';
import { describeCase, gradientsOf, hold, runCase, type CaseResult, type LossCase } from '../hold.js';
import type { Random } from '../random.js';
import { coordinatesOf, elementAt, fill, replaced, sameBits } from '../tensors.js';
import { randomMask, randomWeights, targetShapes } from './accuracy.js';

const float32 = { prediction: 'float32', targets: 'float32' } as const;

/** A layout of a family with four dimensions. */
export const layoutOf = (family: Family): Layout =>
  family.layouts.find(({ shape }) => shape.length === 4) as Layout;

/** A property that is checked for every kind of loss. */
export function everyLoss(
  promised: string,
  capability: string,
  run: (subject: Subject, family: Family, random: Random) => Promise<Measured>,
  of: readonly Family[] = families,
): Check[] {
  return of.map((family) => ({
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

/** Whether a mask of full shape masks the element at an index; for losses along a class axis it has a byte a row. */
export function maskedBy(family: Family, layout: Layout, mask: Tensor): (index: number) => boolean {
  if (family.granularity !== 'class') return (index) => mask.data[index] === 0;
  const places = placesOf(layout);
  return (index) => mask.data[places[index]?.row ?? -1] === 0;
}

async function maskedChangesNothing(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const mask = randomMask(targetShapes(family, layout).mask, random);
  const name = family.prediction({});
  const isMasked = maskedBy(family, layout, mask);
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

async function zeroDivisorGivesZero(subject: Subject, family: Family, random: Random): Promise<Measured> {
  const layout = layoutOf(family);
  const operands = randomOperands(family, layout, {}, float32, random);
  const name = family.prediction({});
  // Losses and gradients of every kind that 0 may be multiplied by: infinite, NaN, huge.
  const edges = name === 'logits' ? [Infinity, -Infinity, NaN, 1e30] : [0, 1, NaN, 0.5];
  const prediction = replaced(
    operands[name] as Tensor,
    () => true,
    (i) => edges[i % edges.length] as number,
  );
  const shape = targetShapes(family, layout).weights;
  for (const weight of [() => 0, (i: number) => (i % 2 === 0 ? 1 : -1)]) {
    const given: LossCase = {
      loss: lossOf(family, layout, {}, { reduction: 'mean-weight' }),
      operands: { ...operands, [name]: prediction, weights: fill('float32', shape, weight) },
    };
    const { value, divisor, gradients } = await runCase(subject.session, given);
    const why = (): string => `weights that add up to 0\n${describeCase(given)}`;
    promise(divisor === 0, () => `divisor: got ${divisor}, expected 0, of ${why()}`);
    promise(value === 0, () => `value: got ${show(value)}, expected 0, for ${why()}`);
    for (const [operand, gradient] of Object.entries(gradients)) {
      const wrong = gradient.data.findIndex((_, i) => elementAt(gradient, i) !== 0);
      promise(wrong < 0, () => {
        const at = coordinatesOf(wrong, gradient.shape).join(', ');
        return `gradient of ${operand} at [${at}]: got ${elementAt(gradient, wrong)}, expected 0, for ${why()}`;
      });
    }
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

/** A property that is checked once. */
export const once = (name: string, capability: string, run: Check['run']): Check => ({
  name,
  capability,
  quick: true,
  run,
});

/** Properties of masks and weights, of some kinds of loss. */
export function maskAndWeightChecks(of?: readonly Family[]): Check[] {
  const zero = 'weights that add up to 0 give value 0 and gradient 0, never NaN';
  return [
    ...everyLoss('masked elements change nothing and have gradient 0', 'masks', maskedChangesNothing, of),
    ...everyLoss('a weight of 0 makes 0 of NaN and infinity', 'weights', weightZeroIsZero, of),
    ...everyLoss(zero, 'weights', zeroDivisorGivesZero, of),
    ...everyLoss('the result is linear in the weights', 'weights', weightsAreLinear, of),
  ];
}

/** All checks of properties. */
export function propertyChecks(): Check[] {
  return [
    ...maskAndWeightChecks(),
    ...everyLoss('upstream scales the gradients', 'upstream', upstreamScalesGradients),
    ...everyLoss('the same bits on every run', 'determinism', sameBitsEveryRun),
    ...everyLoss('operands are left alone', 'operands', operandsAreLeftAlone),
  ];
}
