/** Ignored and invalid targets. */
import { sigmoidCrossEntropy, softmaxCrossEntropy, type Loss, type Tensor } from '@softxent/core';
import { rowSumTolerance } from '@softxent/core/reference';
import { lossOf, randomOperands, type Family } from '../cases/family.js';
import type { Check, Measured, Subject } from '../check.js';
import { hold, runCase, type LossCase } from '../hold.js';
import type { Random } from '../random.js';
import { elementAt, fill, from, replaced } from '../tensors.js';
import { randomMask, targetShapes } from './accuracy.js';
import { everyLoss, layoutOf, maskedBy, once, sameResults } from './properties.js';

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
    const isMasked = maskedBy(family, layout, mask);
    // Neighbours of the value that a truncating comparison would take for it stay where they are.
    const near = targetType === 'uint8' ? 128 : 0.5;
    const drawn = operands['targets'] as Tensor;
    const targets = replaced(
      replaced(
        drawn,
        (i) => i % 11 === 5 || elementAt(drawn, i) === ignoreValue,
        () => near,
      ),
      isMasked,
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

/** That ignored targets are as if masked, for some kinds of loss. */
export function ignoreChecks(of?: readonly Family[]): Check[] {
  return everyLoss('targets that equal ignoreValue are as if masked', 'ignoreValue', ignoredIsMasked, of);
}

/** All checks of ignored and invalid targets. */
export function targetChecks(): Check[] {
  return [
    ...ignoreChecks(),
    once('ignoreValue truncates nothing', 'ignoreValue', ignoringTruncatesNothing),
    once('invalid targets are counted', 'validate', countsInvalidTargets),
  ];
}
