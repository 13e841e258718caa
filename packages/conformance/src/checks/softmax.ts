/** What is known of softmax and of divergences, whatever the numbers are. */
import { sigmoidCrossEntropy, softmaxCrossEntropy, type Loss, type Tensor } from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';
import { randomLogit } from '../cases/family.js';
import { promise, type Check, type Measured, type Subject } from '../check.js';
import { allowanceFor, describeCase, hold, runCase, type LossCase } from '../hold.js';
import { elementAt, fill, replaced } from '../tensors.js';
import { ulpOf } from '../ulp.js';
import { once } from './properties.js';

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

/** All checks of softmax and divergences. */
export function softmaxChecks(): Check[] {
  return [
    once('softmax does not change when a row is shifted', 'properties of softmax', shiftChangesNothing),
    once('the gradients of a row sum to 0', 'properties of softmax', gradientsSumToZero),
    once('no divergence is negative, none above its cross-entropy', 'floor', valuesReachTheFloor),
  ];
}
