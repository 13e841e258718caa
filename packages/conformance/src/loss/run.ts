/** Holds a loss of a user's own to its formula, on any backend. */
import { parseLoss, serialiseLoss, type Backend, type LossFactory } from '@softxent/core';
import type { Family } from '../cases/family.js';
import { promise, type Check } from '../check.js';
import { familyChecks } from '../checks/accuracy.js';
import { maskAndWeightChecks } from '../checks/properties.js';
import { ignoreChecks } from '../checks/targets.js';
import { runHeld, type ConformanceOptions, type ConformanceReport, type Held } from '../run.js';
import { declareTests, type ConformanceTestOptions, type TestRunner } from '../tests.js';
import { prepare, type HeldLoss } from './subject.js';

function serialisationCheck(family: Family, factory: LossFactory<object>): Check {
  return {
    name: `${family.kind}: kind and options survive serialisation`,
    capability: 'serialisation',
    quick: true,
    run: () => {
      for (const options of family.variants(3)) {
        const loss = family.make(options);
        const text = serialiseLoss(loss);
        const again = parseLoss(text, [factory]);
        promise(serialiseLoss(again) === text && sameOptions(again.options, loss.options), () => {
          const [found, expected] = [show(again.options), show(loss.options)];
          return `options of the loss read back: got ${found}, expected ${expected}`;
        });
      }
      return Promise.resolve({});
    },
  };
}

/** JSON shows NaN and infinities as null. */
function show(options: Readonly<Record<string, unknown>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

function sameOptions(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  return show(a) === show(b);
}

/** The loss against its formula; masks, weights, ignored targets; serialisation. */
export function heldLoss<O extends object>(loss: HeldLoss<O>): Held {
  const { family, formula, gradients, accuracyOn } = prepare(loss);
  return {
    loss: family.kind,
    checks: [
      ...familyChecks(family),
      ...maskAndWeightChecks([family]),
      ...ignoreChecks([family]),
      serialisationCheck(family, loss.loss as unknown as LossFactory<object>),
    ],
    about: (session) => ({
      accuracy: accuracyOn(session.accuracy),
      formula,
      ...(gradients === undefined ? {} : { gradients }),
    }),
  };
}

/**
 * Holds a loss that `defineLoss` made, its value and its gradients, to its formula in float64: every set of options, dtype,
 * layout and reduction, with weights and masks, extreme operands, and its way through JSON. What the backend gets wrong is
 * found as well; to know whose mistake it is, run {@link runConformance} on the backend.
 *
 * @throws {BackendUnavailableError} where the backend cannot be opened here
 */
export function runLossConformance<O extends object>(
  loss: HeldLoss<O>,
  backend: Backend,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  return runHeld(heldLoss(loss), backend, options);
}

/**
 * The same as tests: one for every check.
 *
 * @example
 * import { afterAll, describe, it } from 'vitest';
 * lossConformanceTests({ loss: brier, formula }, cpu(), { describe, it, afterAll });
 */
export function lossConformanceTests<O extends object>(
  loss: HeldLoss<O>,
  backend: Backend,
  runner: TestRunner,
  options: ConformanceTestOptions = {},
): void {
  const title = `${loss.loss.definition.kind} on ${backend.name}`;
  declareTests(title, heldLoss(loss), backend, runner, options);
}
