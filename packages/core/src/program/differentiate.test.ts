import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as core from '../index.js';
import { definitionOf, type Loss } from '../losses/loss.js';
import type { Plan } from '../plan/types.js';
import { evaluate, plainBackend } from '../testing/plain-backend.js';
import * as b from './build.js';
import { differentiate } from './differentiate.js';
import type { NumberExpr } from './expression.js';
import { sigmoid, softplus } from './functions.js';

const x = b.operand('x');

function at(e: NumberExpr, value: number): number {
  const place = { row: 0, element: 0, position: 0, reductions: {}, scale: 1, read: () => value };
  return evaluate(e, place);
}

const functions: readonly (readonly [string, NumberExpr, number, number])[] = [
  ['neg', b.neg(x), -3, 3],
  ['abs', b.abs(x), 0.1, 3],
  ['exp', b.exp(x), -3, 3],
  ['log', b.log(x), 0.1, 5],
  ['log1p', b.log1p(x), -0.9, 5],
  ['sqrt', b.sqrt(x), 0.1, 5],
  ['logisticTail', b.logisticTail(x), 0.1, 5],
  ['logisticTail of negatives', b.logisticTail(x), -5, -0.1],
  ['softplusTail', b.softplusTail(x), -5, -0.1],
  ['sigmoid', sigmoid(x), -5, 5],
  ['softplus', softplus(x), -5, 5],
  ['a product', b.mul(b.exp(x), b.sub(x, 2)), -3, 3],
  ['a quotient', b.div(b.exp(x), b.add(2, b.mul(x, x))), -3, 3],
  ['a power of x', b.pow(x, 2.5), 0.2, 3],
  ['a power to x', b.pow(2, x), -3, 3],
  ['min', b.min(x, b.mul(2, x)), 0.1, 3],
  ['max', b.max(x, b.mul(2, x)), 0.1, 3],
  ['select', b.select(b.lt(x, 0), b.mul(x, x), b.exp(x)), 0.1, 3],
];

describe('differentiate', () => {
  it.each(functions)('agrees with finite differences: %s', (_, e, low, high) => {
    const derivative = differentiate(e, { op: 'operand', name: 'x' });
    fc.assert(
      fc.property(fc.double({ min: low, max: high, noNaN: true }), (value) => {
        const h = 1e-5;
        const numeric = (at(e, value + h) - at(e, value - h)) / (2 * h);
        expect(at(derivative, value)).toBeCloseTo(numeric, 5);
      }),
    );
  });

  it('gives smooth functions their derivative where they are put together', () => {
    expect(at(differentiate(sigmoid(x), { op: 'operand', name: 'x' }), 0)).toBe(0.25);
    expect(at(differentiate(softplus(x), { op: 'operand', name: 'x' }), 0)).toBe(0.5);
  });

  it('leaves nothing of an expression that does not depend on the variable', () => {
    expect(differentiate(b.exp(b.operand('y')), { op: 'operand', name: 'x' })).toEqual(b.constant(0));
  });
});

/** The same loss with its hand-written gradients taken away. */
function withoutGradients(loss: Loss): Loss {
  const definition = loss[definitionOf];
  const bare = {
    ...definition,
    program: (...args: Parameters<typeof definition.program>) => {
      const { reductions, value } = definition.program(...args);
      return { reductions, value };
    },
  };
  return { kind: loss.kind, options: loss.options, [definitionOf]: bare };
}

function gradients(loss: Loss, operands: Record<string, core.Tensor>, names: readonly string[]): number[] {
  const session = core.openSync(plainBackend());
  const result = session.valueAndGrad(loss, operands, { gradients: names });
  return names.flatMap((name) => Array.from(result.gradients[name]?.data ?? []));
}

const losses: readonly (readonly [string, Loss])[] = [
  ['sigmoidCrossEntropy', core.sigmoidCrossEntropy()],
  [
    'sigmoidCrossEntropy, weighted and smoothed',
    core.sigmoidCrossEntropy({ posWeight: 3, labelSmoothing: 0.2 }),
  ],
  ['sigmoidCrossEntropy, floor', core.sigmoidCrossEntropy({ floor: 'entropy' })],
  ['sigmoidCrossEntropy, floor, weighted', core.sigmoidCrossEntropy({ floor: 'entropy', posWeight: 0.5 })],
  ['qualityFocal', core.qualityFocal()],
  ['qualityFocal, beta 1', core.qualityFocal({ beta: 1 })],
  ['qualityFocal, beta 2.5', core.qualityFocal({ beta: 2.5 })],
  ['softmaxCrossEntropy', core.softmaxCrossEntropy()],
  [
    'softmaxCrossEntropy, every option',
    core.softmaxCrossEntropy({ classWeights: [1, 2, 0.5], labelSmoothing: 0.1, temperature: 2 }),
  ],
  ['softmaxCrossEntropy, floor', core.softmaxCrossEntropy({ floor: 'entropy', temperature: 0.5 })],
  ['binaryCrossEntropy', core.binaryCrossEntropy()],
  ['categoricalCrossEntropy', core.categoricalCrossEntropy({ epsilon: 1e-3 })],
  ['diceSemimetric', core.diceSemimetric()],
  ['jaccardMetric', core.jaccardMetric({ smooth: 1 })],
  ['dice', core.dice()],
  ['dice of probabilities', core.dice({ from: 'probabilities' })],
  ['tversky', core.tversky({ alpha: 0.3, beta: 0.8 })],
];

describe('derived gradients of whole programs', () => {
  it.each(losses)('agree with those written by hand: %s', (_, loss) => {
    const prediction = loss[definitionOf].prediction(loss.options);
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 24, maxLength: 24 }),
        fc.array(fc.double({ min: 0.01, max: 0.99, noNaN: true }), { minLength: 24, maxLength: 24 }),
        (logits, targets) => {
          // Away from ties between classes and from p = t, where one-sided derivatives differ.
          const spread = logits.map((value, i) => value + i * 1e-3 + 1e-4);
          const p = prediction === 'logits' ? spread : spread.map((value) => 1 / (1 + Math.exp(-value)));
          const operands = {
            [prediction]: core.tensor(Float64Array.from(p), [2, 3, 4]),
            targets: core.tensor(Float64Array.from(targets), [2, 3, 4]),
          };
          const names = [prediction, 'targets'];
          const written = gradients(loss, operands, names);
          const derived = gradients(withoutGradients(loss), operands, names);
          // Derived ones lose digits by cancellation, which is why others are written: seven are left at the least.
          const off = written.map(
            (value, i) => Math.abs((derived[i] ?? NaN) - value) / (1 + Math.abs(value)),
          );
          expect(Math.max(...off)).toBeLessThan(1e-7);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('a program that shifts by the maximum', () => {
  it('has the same gradient as one that does not, though the maximum is a reduction', () => {
    const plans: Plan[] = [];
    const shifted = core.defineLoss({
      kind: 'test/logSumExp',
      granularity: 'class',
      program: ({ prediction }) => ({
        reductions: [
          { name: 'top', op: 'max', of: prediction },
          { name: 'sum', op: 'sum', of: b.exp(b.sub(prediction, b.reduction('top'))) },
        ],
        value: b.add(b.log(b.reduction('sum')), b.reduction('top')),
      }),
    });
    const logits = core.tensor(Float64Array.of(1, 2, 5, -1, 0.5, 0), [2, 3]);
    const targets = core.tensor(new Float64Array(6), [2, 3]);
    const session = core.openSync(plainBackend({ compiled: (plan) => plans.push(plan) }));
    const { gradients: found } = session.valueAndGrad(shifted({ reduction: 'sum' }), { logits, targets });
    const softmax = [0, 1].flatMap((row) => {
      const e = [0, 1, 2].map((c) => Math.exp(logits.data[3 * row + c] as number));
      const sum = e.reduce((total, value) => total + value, 0);
      return e.map((value) => value / sum);
    });
    softmax.forEach((value, i) => expect(found.logits.data[i]).toBeCloseTo(value, 12));
    expect(plans[0]?.reductions.map((r) => r.name)).toContain('dsum/dtop');
  });
});
