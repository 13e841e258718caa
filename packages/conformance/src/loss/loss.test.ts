/** Losses of one's own: right ones are held, wrong ones are found, each by the name of the promise that it breaks. */
import { builtInLosses, defineLoss } from '@softxent/core';
import * as b from '@softxent/core/program';
import { formulas, type Formula, type RowLoss } from '@softxent/core/reference';
import { plainBackend } from '@softxent/core/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { interpreter } from '../testing/interpreter.js';
import { lossConformanceTests, runLossConformance } from './run.js';
import { extremesFor, type HeldLoss } from './subject.js';

const squaredDistance = (prediction: b.NumberExpr, target: b.NumberExpr): b.NumberExpr => {
  const difference = b.sub(b.sigmoid(prediction), target);
  return b.mul(difference, difference);
};

const brier = defineLoss({
  kind: 'acme/brier',
  program: ({ prediction, target }) => ({ reductions: [], value: squaredDistance(prediction, target) }),
});

/** The same with its digits: sigma(x) - t as (1 - t) - q or q - t, and the gradient from it. */
const exactBrier = defineLoss({
  kind: 'acme/exact-brier',
  program: ({ prediction: x, target, complement }) => {
    const q = b.logisticTail(x);
    const difference = b.select(b.le(0, x), b.sub(complement, q), b.sub(q, target));
    const slope = b.mul(q, b.sub(1, q));
    return {
      reductions: [],
      value: b.mul(difference, difference),
      gradients: { logits: b.mul(2, b.mul(difference, slope)) },
    };
  },
});

const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
const brierValue: HeldLoss['formula'] = ({ x: [x = NaN], t: [t = NaN] }) => (sigma(x) - t) ** 2;

function brierRow({
  x: [x = NaN],
  t: [t = NaN],
  notT: [notT = NaN],
}: Parameters<Formula['row']>[0]): RowLoss {
  const tail = 1 / (1 + Math.exp(Math.abs(x)));
  const difference = x >= 0 ? notT - tail : tail - t;
  const scale = Math.max(tail, x >= 0 ? notT : t);
  const slope = tail * (1 - tail);
  return {
    value: difference ** 2,
    scale: Math.abs(difference) * scale * 2 + 2 ** -24 * scale * scale,
    byPrediction: [{ value: 2 * difference * slope, scale: 2 * scale * slope }],
    byTarget: [{ value: -2 * difference, scale: 2 * scale }],
  };
}

/** sum_c w (softmax_c(x) - t_c)^2. */
const multiBrier = defineLoss<{ readonly factor: number }>({
  kind: 'acme/multi-brier',
  granularity: 'class',
  targets: ['float64', 'float32', 'uint8', 'int32'],
  defaults: { factor: 1 },
  program: ({ prediction: x, target }, { factor }) => {
    const e = b.exp(b.sub(x, b.reduction('max')));
    const difference = b.sub(b.div(e, b.reduction('sum')), target);
    return {
      reductions: [
        { name: 'max', op: 'max', of: x },
        { name: 'sum', op: 'sum', of: e },
        { name: 'distance', op: 'sum', of: b.mul(factor, b.mul(difference, difference)) },
      ],
      value: b.reduction('distance'),
    };
  },
});

const multiBrierHeld: HeldLoss<{ readonly factor: number }> = {
  loss: multiBrier,
  formula: ({ x, t }, { factor }) => {
    const most = Math.max(...x);
    const e = x.map((value) => Math.exp(value - most));
    const total = e.reduce((a, v) => a + v, 0);
    return e.reduce((a, v, c) => a + factor * (v / total - (t[c] as number)) ** 2, 0);
  },
  options: [{}, { factor: 2.5 }],
};

/** A device that computes in float32 throughout. */
const single = interpreter({
  round: Math.fround,
  accuracy: { value: { float32: 8 }, gradient: { float32: 8 }, sum: 1e-6 },
  capabilities: { predictions: ['float32'], targets: ['float32', 'uint8', 'int32'], weights: ['float32'] },
});

describe('a loss that is what its formula says is held', () => {
  lossConformanceTests({ loss: brier, formula: brierValue }, plainBackend(), { describe, it, afterAll });

  it('to the ulp of the backend, where the formula gives derivatives and scales', async () => {
    const report = await runLossConformance({ loss: exactBrier, formula: brierRow }, single, { quick: true });
    expect(report).toMatchObject({ broken: 0, ok: true });
    expect(report.checks.find(({ name }) => name.includes('float32 extremes'))).toMatchObject({
      status: 'held',
    });
    expect(report.accuracy.value.float32).toBe(8);
  });

  it('with options, along a class axis, for labels too', async () => {
    const report = await runLossConformance(multiBrierHeld, plainBackend(), {
      quick: true,
      filter: /every option|extremes|every reduction|weights that add up/,
    });
    expect(report.checks.filter(({ status }) => status !== 'held')).toEqual([]);
    expect(report.checks.map(({ name }) => name)).toContain(
      'acme/multi-brier: float32 predictions, int32 targets, every option',
    );
  });

  it('at infinities, where the formula gives its limits', async () => {
    const { predictions } = extremesFor('logits', 'element');
    const extremes = { predictions: [...predictions, Infinity, -Infinity] };
    const held = { loss: brier, formula: brierValue, extremes };
    const report = await runLossConformance(held, plainBackend(), { filter: 'extremes' });
    expect(report).toMatchObject({ held: 2, ok: true });
  });

  it('and the report says which loss, on which backend', async () => {
    const held = { loss: brier, formula: brierValue };
    const report = await runLossConformance(held, single, { filter: 'every layout' });
    expect(report).toMatchObject({ loss: 'acme/brier', backend: 'interpreter', held: 1, ok: true });
  });
});

describe('differences agree with the derivatives that the reference writes out', () => {
  it.each(builtInLosses.map((loss) => ({ kind: loss.definition.kind, loss })))(
    '$kind',
    async ({ kind, loss }) => {
      const { row } = formulas[kind] as Formula;
      const held = { loss, formula: (...given: Parameters<Formula['row']>) => row(...given).value };
      const report = await runLossConformance(held as unknown as HeldLoss, plainBackend(), {
        filter: /float64 predictions, float(32|64) targets|float32 extremes/,
      });
      expect(report.checks.filter(({ status }) => status !== 'held')).toEqual([]);
    },
  );
});

/** A way to be wrong, and the promises that have to be found broken. */
interface Mistake {
  readonly name: string;
  readonly held: HeldLoss<never>;
  readonly breaks: readonly (readonly [promise: string, message: RegExp])[];
  readonly holds?: readonly string[];
  readonly filter: RegExp;
}

const element = (kind: string, program: Parameters<typeof defineLoss>[0]['program']) =>
  defineLoss({ kind, program });
const as = (held: unknown): HeldLoss<never> => held as HeldLoss<never>;

const bceValue: HeldLoss['formula'] = ({ x: [x = NaN], t: [t = NaN], notT: [notT = NaN] }) => {
  const curve = Math.log1p(Math.exp(-Math.abs(x)));
  return (x >= 0 ? notT : t) * Math.abs(x) + curve;
};

const mistakes: readonly Mistake[] = [
  {
    name: 'a gradient by hand of the wrong sign',
    held: as({
      loss: element('acme/sign', ({ prediction: x, target: t }) => ({
        reductions: [],
        value: squaredDistance(x, t),
        gradients: { targets: b.mul(2, b.sub(b.sigmoid(x), t)) },
      })),
      formula: brierValue,
    }),
    filter: /float32 predictions|every layout/,
    breaks: [
      ['float32 predictions, float32 targets, every option', /gradient of targets at .*: got .*, expected/],
      ['every layout, empty ones too', /gradient of targets/],
    ],
    holds: ['float32 predictions, uint8 targets, every option'],
  },
  {
    name: 'a gradient by hand that leaves out an option',
    held: as({
      loss: defineLoss<{ readonly power: number }>({
        kind: 'acme/option',
        defaults: { power: 2 },
        program: ({ prediction: x, target: t }, { power }) => {
          const distance = b.abs(b.sub(b.sigmoid(x), t));
          const sign = b.select(b.lt(b.sigmoid(x), t), -1, 1);
          return {
            reductions: [],
            value: b.pow(distance, power),
            gradients: {
              logits: b.mul(b.mul(2, b.mul(sign, distance)), b.mul(b.sigmoid(x), b.sigmoid(b.neg(x)))),
            },
          };
        },
      }),
      formula: (
        { x: [x = NaN], t: [t = NaN] }: Parameters<Formula['row']>[0],
        { power }: { readonly power: number },
      ) => Math.abs(sigma(x) - t) ** power,
      options: [{}, { power: 3 }],
    }),
    filter: /float32 predictions, float32|every layout/,
    breaks: [['float32 predictions, float32 targets, every option', /gradient of logits.*\n.*"power":3/]],
    holds: ['every layout, empty ones too'],
  },
  {
    name: 'an exponential that overflows',
    held: as({
      loss: element('acme/overflow', ({ prediction: x, target: t }) => ({
        reductions: [],
        value: b.sub(b.log(b.add(1, b.exp(x))), b.mul(x, t)),
      })),
      formula: bceValue,
    }),
    filter: /extremes|every reduction/,
    breaks: [
      ['float32 extremes: huge, tiny, infinite and NaN', /value at \[\d+\]: got Infinity, expected/],
      ['float64 extremes: huge, tiny, infinite and NaN', /value at \[\d+\]: got Infinity, expected/],
    ],
    holds: ['every reduction, with weights and masks'],
  },
  {
    name: 'NaN that is lost in a comparison',
    held: as({
      loss: element('acme/nan', ({ prediction: x, target: t }) => ({
        reductions: [],
        value: squaredDistance(b.select(b.lt(x, 50), b.select(b.lt(-50, x), x, -50), 50), t),
      })),
      formula: brierValue,
    }),
    filter: /float32 (extremes|predictions)/,
    breaks: [['float32 extremes: huge, tiny, infinite and NaN', /got .*, expected NaN/]],
    holds: ['float32 predictions, float32 targets, every option'],
  },
  {
    name: 'a mean over classes where the formula has a sum',
    held: as({
      ...multiBrierHeld,
      loss: defineLoss<{ readonly factor: number }>({
        kind: 'acme/mean',
        granularity: 'class',
        defaults: { factor: 1 },
        program: (context, options) => {
          const { reductions, value } = multiBrier.definition.program(context, options);
          return { reductions, value: b.div(value, b.extent) };
        },
      }),
    }),
    filter: /every layout/,
    breaks: [['every layout, empty ones too', /value at/]],
  },
  {
    name: 'targets that are taken to sum to 1',
    held: as({
      loss: defineLoss({
        kind: 'acme/total',
        granularity: 'class',
        program: ({ prediction: x, target: t }) => ({
          reductions: [
            { name: 'max', op: 'max', of: x },
            { name: 'sum', op: 'sum', of: b.exp(b.sub(x, b.reduction('max'))) },
            { name: 'along', op: 'sum', of: b.mul(t, b.sub(b.reduction('max'), x)) },
          ],
          value: b.add(b.reduction('along'), b.log(b.reduction('sum'))),
        }),
      }),
      formula: ({ x, t }: Parameters<Formula['row']>[0]) => {
        const most = Math.max(...x);
        const logSum = Math.log(x.reduce((a, v) => a + Math.exp(v - most), 0));
        return x.reduce((a, v, c) => a + (t[c] as number) * (most - v + logSum), 0);
      },
    }),
    filter: /float32 predictions, float32/,
    breaks: [['float32 predictions, float32 targets, every option', /value|gradient/]],
  },
  {
    name: 'an option that JSON cannot hold',
    held: as({
      loss: defineLoss<{ readonly bound: number }>({
        kind: 'acme/json',
        defaults: { bound: Infinity },
        program: ({ prediction: x, target: t }) => ({ reductions: [], value: squaredDistance(x, t) }),
      }),
      formula: brierValue,
    }),
    filter: /serialisation|every layout/,
    breaks: [['kind and options survive serialisation', /bound/]],
    holds: ['every layout, empty ones too'],
  },
];

describe('a broken loss is caught by name', () => {
  it.each(mistakes)('$name', async ({ held, filter, breaks, holds = [] }) => {
    const report = await runLossConformance(held, plainBackend(), { filter });
    const { kind } = held.loss.definition;
    const find = (name: string) => report.checks.find((check) => check.name === `${kind}: ${name}`);
    for (const [name, message] of breaks) {
      expect(find(name)).toMatchObject({
        status: 'broken',
        message: expect.stringMatching(message) as string,
      });
    }
    for (const name of holds) expect(find(name)).toMatchObject({ status: 'held' });
    expect(report.ok).toBe(false);
  });

  it('digits that cancel, where the formula says which terms there are', async () => {
    const held = { loss: brier, formula: brierRow };
    const strict = await runLossConformance(held, single, { filter: 'float32 extremes' });
    expect(strict.checks[0]).toMatchObject({
      status: 'broken',
      message: expect.stringMatching(/ulp/) as string,
    });
    const lenient = await runLossConformance({ loss: brier, formula: brierValue }, single, {
      filter: 'float32 extremes',
    });
    expect(lenient.ok).toBe(true);
  });
});
