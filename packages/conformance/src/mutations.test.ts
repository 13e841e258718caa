import type { DataOf } from '@softxent/core';
import type { Plan } from '@softxent/core/plan';
import * as b from '@softxent/core/program';
import { describe, expect, it } from 'vitest';
import { runConformance } from './run.js';
import { interpreter, type Changes } from './testing/interpreter.js';

/** A way to be wrong, the checks that are run, and the promises that have to be found broken. */
interface Mutation {
  readonly name: string;
  readonly changes: Changes;
  /** Checks to run: those that ought to break, and some that ought not. */
  readonly filter: RegExp;
  readonly breaks: readonly string[];
  readonly holds?: readonly string[];
}

/** A device that computes in float32 throughout, and says so. */
const single: Changes = {
  round: Math.fround,
  accuracy: { value: { float32: 8 }, gradient: { float32: 8 }, sum: 1e-6 },
  capabilities: {
    predictions: ['float32', 'float16'],
    targets: ['float32', 'float16', 'uint8', 'int32'],
    weights: ['float32', 'float16'],
  },
};

function withOutputs(plan: Plan, change: (of: b.NumberExpr, name: string) => b.NumberExpr): Plan {
  return {
    ...plan,
    outputs: plan.outputs.map((output) => ({ ...output, of: change(output.of, output.name) })),
    totals: plan.totals.map((total) => ({ ...total, of: change(total.of, total.name) })),
  };
}

/** max(x, 0) - x t + log1p(exp(-|x|)): right on paper. */
function textbookSigmoid(plan: Plan): Plan {
  const { loss, operands } = plan;
  const { posWeight, labelSmoothing, floor } = loss.options;
  const isPlain = operands.length <= 2 && posWeight === 1 && labelSmoothing === 0 && floor === 'none';
  if (loss.kind !== 'sigmoidCrossEntropy' || !isPlain) return plan;
  const [x, t] = [b.operand('logits'), b.operand('targets')];
  const value = b.add(b.sub(b.max(x, 0), b.mul(x, t)), b.log1p(b.exp(b.neg(b.abs(x)))));
  return withOutputs(plan, (of, name) => (name === 'value' || name === 'loss' ? value : of));
}

const plainSum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0);
const written = new WeakSet<DataOf>();

const mutations: readonly Mutation[] = [
  {
    name: 'gradients of the wrong sign',
    changes: {
      plan: (plan) => withOutputs(plan, (of, name) => (name.startsWith('gradient') ? b.neg(of) : of)),
    },
    filter: /^(sigmoidCrossEntropy|dice): (every layout|float32 predictions, float32)/,
    breaks: [
      'sigmoidCrossEntropy: float32 predictions, float32 targets, every option',
      'sigmoidCrossEntropy: every layout, empty ones too',
      'dice: every layout, empty ones too',
    ],
  },
  {
    name: 'a lost mask',
    changes: { operand: (name, value) => (name === 'mask' ? 1 : value) },
    filter: /^(softmaxCrossEntropy|tversky): (masked|every (layout|reduction))/,
    breaks: [
      'softmaxCrossEntropy: masked elements change nothing and have gradient 0',
      'tversky: masked elements change nothing and have gradient 0',
      'softmaxCrossEntropy: every reduction, with weights and masks',
    ],
    holds: ['softmaxCrossEntropy: every layout, empty ones too'],
  },
  {
    name: 'a formula that cancels',
    changes: { ...single, plan: textbookSigmoid },
    filter: /^sigmoidCrossEntropy: (float32 extremes|every layout)/,
    breaks: ['sigmoidCrossEntropy: float32 extremes: huge, tiny, infinite and NaN'],
  },
  {
    name: 'sums in another order on every run',
    changes: {
      sum: (terms, run) => plainSum([...terms.slice(run % 7), ...terms.slice(0, run % 7)]),
    },
    filter: /^sigmoidCrossEntropy: (the same bits|every layout)/,
    breaks: ['sigmoidCrossEntropy: the same bits on every run'],
    holds: ['sigmoidCrossEntropy: every layout, empty ones too'],
  },
  {
    name: 'running sums in float32',
    changes: { sum: (terms) => terms.reduce((total, term) => Math.fround(total + term), 0) },
    filter: /^sums of 130,000 terms keep their digits, float32$/,
    breaks: ['sums of 130,000 terms keep their digits, float32'],
  },
  {
    name: 'a count of valid rows that counts masked ones',
    changes: { plan: (plan) => withOutputs(plan, (of, name) => (name === 'valid' ? b.constant(1) : of)) },
    filter: /^(qualityFocal|jaccardMetric): every (reduction|layout)/,
    breaks: [
      'qualityFocal: every reduction, with weights and masks',
      'jaccardMetric: every reduction, with weights and masks',
    ],
    holds: ['qualityFocal: every layout, empty ones too'],
  },
  {
    name: 'the last term of a sum lost where their number is odd',
    changes: { sum: (terms) => plainSum(terms.length % 2 === 1 ? terms.slice(0, -1) : terms) },
    filter: /^binaryCrossEntropy: every layout/,
    breaks: ['binaryCrossEntropy: every layout, empty ones too'],
  },
  {
    name: 'ignored weights',
    changes: { operand: (name, value) => (name === 'weights' ? 1 : value) },
    filter: /^categoricalCrossEntropy: (a weight of 0|the result is linear|weights and masks of)/,
    breaks: [
      'categoricalCrossEntropy: a weight of 0 makes 0 of NaN and infinity',
      'categoricalCrossEntropy: the result is linear in the weights',
      'categoricalCrossEntropy: weights and masks of every shape that broadcasts',
    ],
  },
  {
    name: 'an ignoreValue that truncates targets to whole numbers',
    changes: {
      evaluate: (e, evaluate) => {
        if (e.op !== 'eq') return undefined;
        const isTarget = (side: b.NumberExpr): boolean => side.op === 'operand' && side.name === 'targets';
        if (!isTarget(e.a) && !isTarget(e.b)) return undefined;
        return Math.trunc(evaluate(e.a)) === Math.trunc(evaluate(e.b)) ? 1 : 0;
      },
    },
    filter: /ignoreValue truncates|^sigmoidCrossEntropy: (every layout|targets that equal)/,
    breaks: [
      'ignoreValue truncates nothing',
      'sigmoidCrossEntropy: targets that equal ignoreValue are as if masked',
    ],
    holds: ['sigmoidCrossEntropy: every layout, empty ones too'],
  },
  {
    name: 'masks that multiply by 0',
    changes: {
      evaluate: (e, evaluate) => {
        if (e.op !== 'select') return undefined;
        const isZero = (side: b.NumberExpr): boolean => side.op === 'constant' && side.value === 0;
        if (isZero(e.b)) return evaluate(e.condition) * evaluate(e.a);
        return isZero(e.a) ? (1 - evaluate(e.condition)) * evaluate(e.b) : undefined;
      },
    },
    filter: /^(sigmoidCrossEntropy|diceSemimetric): (masked|every reduction)/,
    breaks: [
      'sigmoidCrossEntropy: masked elements change nothing and have gradient 0',
      'diceSemimetric: masked elements change nothing and have gradient 0',
    ],
    holds: ['sigmoidCrossEntropy: every reduction, with weights and masks'],
  },
  {
    name: 'buffers that keep what an earlier run wrote',
    changes: {
      device: {
        write: (buffer, data) => {
          if (written.has(buffer)) return;
          written.add(buffer);
          buffer.set(data);
        },
      },
    },
    filter: /a compiled loss keeps nothing|^dice: every layout/,
    breaks: ['a compiled loss keeps nothing of an earlier run'],
    holds: ['dice: every layout, empty ones too'],
  },
  {
    name: 'totals of the first run given again',
    changes: {
      run: (() => {
        const totals = new WeakMap<object, readonly number[]>();
        return (run, bindings) => {
          const key = bindings.operands['logits'] ?? bindings;
          const first = totals.get(key) ?? run();
          totals.set(key, first);
          return first;
        };
      })(),
    },
    filter: /calls that overlap|a compiled loss keeps|^sigmoidCrossEntropy: (targets that equal|upstream)/,
    breaks: ['a compiled loss keeps nothing of an earlier run'],
  },
  {
    name: 'upstream left out',
    changes: { evaluate: (e) => (e.op === 'parameter' ? 1 : undefined) },
    filter: /^dice: (upstream|every layout)/,
    breaks: ['dice: upstream scales the gradients', 'dice: every layout, empty ones too'],
  },
  {
    name: 'logits that are clamped',
    changes: {
      operand: (name, value) => (name === 'logits' ? Math.min(Math.max(value, -50), 50) : value),
    },
    filter: /^(sigmoid|softmax)CrossEntropy: (float32 extremes|every reduction)/,
    breaks: [
      'sigmoidCrossEntropy: float32 extremes: huge, tiny, infinite and NaN',
      'softmaxCrossEntropy: float32 extremes: huge, tiny, infinite and NaN',
    ],
  },
  {
    name: 'a maximum that drops NaN',
    changes: {
      evaluate: (e, evaluate) => {
        if (e.op !== 'max') return undefined;
        const [x, y] = [evaluate(e.a), evaluate(e.b)];
        return x > y || Number.isNaN(y) ? x : y;
      },
      operand: (_, value) => (Number.isNaN(value) ? 0 : value),
    },
    filter: /^softmaxCrossEntropy: float32 extremes/,
    breaks: ['softmaxCrossEntropy: float32 extremes: huge, tiny, infinite and NaN'],
  },
  {
    name: 'targets that are taken to sum to 1',
    changes: { evaluate: (e) => (e.op === 'reduction' && e.name === 'total' ? 1 : undefined) },
    filter: /^softmaxCrossEntropy: float32 predictions, (float32|int32)/,
    breaks: ['softmaxCrossEntropy: float32 predictions, float32 targets, every option'],
  },
  {
    name: 'bytes read as n/256',
    changes: { evaluate: (e) => (e.op === 'constant' && e.value === 255 ? 256 : undefined) },
    filter: /^qualityFocal: float32 predictions/,
    breaks: ['qualityFocal: float32 predictions, uint8 targets, every option'],
    holds: ['qualityFocal: float32 predictions, float32 targets, every option'],
  },
  {
    name: 'broadcasting that reads on',
    changes: {
      plan: (plan) => ({
        ...plan,
        operands: plan.operands.map((operand) =>
          operand.name === 'weights' ? { ...operand, access: { kind: 'dense' } } : operand,
        ),
      }),
    },
    filter: /^jaccardMetric: (weights and masks of|every layout)/,
    breaks: ['jaccardMetric: weights and masks of every shape that broadcasts'],
    holds: ['jaccardMetric: every layout, empty ones too'],
  },
  {
    name: 'operands used as scratch memory',
    changes: {
      device: { borrow: ({ data }) => data },
      run: (run, { operands }) => {
        const totals = run();
        (operands['logits'] ?? operands['probabilities'])?.fill(0);
        return totals;
      },
    },
    filter: /operands are left alone/,
    breaks: ['sigmoidCrossEntropy: operands are left alone', 'binaryCrossEntropy: operands are left alone'],
  },
  {
    name: 'subnormal numbers flushed where they are promised',
    changes: { ...single, round: (value) => (Math.abs(value) < 2 ** -126 ? 0 : Math.fround(value)) },
    filter: /^sigmoidCrossEntropy: float32 extremes/,
    breaks: ['sigmoidCrossEntropy: float32 extremes: huge, tiny, infinite and NaN'],
  },
  {
    name: 'invalid targets that are not counted',
    changes: { plan: (plan) => withOutputs(plan, (of, name) => (name === 'invalid' ? b.constant(0) : of)) },
    filter: /invalid targets/,
    breaks: [
      'invalid targets are counted',
      "invalid targets with validate 'throw' gives its typed error, and the session goes on",
    ],
  },
  {
    name: 'sums that are never quite 0',
    changes: { sum: (terms) => plainSum(terms) + 2 ** -149 },
    filter: /^(sigmoid|categorical)CrossEntropy: (weights that add up to 0|every layout)/,
    breaks: [
      'sigmoidCrossEntropy: weights that add up to 0 give value 0 and gradient 0, never NaN',
      'categoricalCrossEntropy: weights that add up to 0 give value 0 and gradient 0, never NaN',
    ],
    holds: ['sigmoidCrossEntropy: every layout, empty ones too'],
  },
  {
    name: 'results that are less exact than declared',
    changes: { accuracy: { value: { float32: 0.1, float64: 8 }, gradient: { float32: 1, float64: 8 } } },
    filter: /^dice: every layout/,
    breaks: ['dice: every layout, empty ones too'],
  },
  {
    name: 'results of one kind of loss that are less exact than declared for it',
    changes: { accuracy: { kinds: { dice: { gradient: { float32: 0.1, float64: 0.1 } } } } },
    filter: /^(dice|softmaxCrossEntropy): every layout/,
    breaks: ['dice: every layout, empty ones too'],
    holds: ['softmaxCrossEntropy: every layout, empty ones too'],
  },
];

describe('a broken backend is caught by name', () => {
  it.each(mutations)('$name', async ({ changes, filter, breaks, holds = [] }) => {
    const report = await runConformance(interpreter(changes), { filter });
    const broken = report.checks.filter((check) => check.status === 'broken').map((check) => check.name);
    expect(broken).toEqual(expect.arrayContaining([...breaks]));
    for (const name of holds) {
      expect(report.checks.find((check) => check.name === name)).toMatchObject({ status: 'held' });
    }
    expect(report.ok).toBe(false);
  });
});

describe('an honest backend', () => {
  it('keeps every promise that it makes in double precision', async () => {
    const report = await runConformance(interpreter(), {
      quick: true,
      filter: /^(softmaxCrossEntropy|dice): |near agreement|defineLoss|session|device|disturb|typed error/,
    });
    expect(report.checks.filter((check) => check.status !== 'held')).toEqual([]);
  });

  it('keeps them in single precision within the ulp that it declares, and what it lacks is unsupported', async () => {
    const report = await runConformance(interpreter(single), {
      filter:
        /(sigmoid|softmax)CrossEntropy: .*(float32|float64|float16)|^dice: float|near agreement|defineLoss/,
    });
    expect(report.checks.filter((check) => check.status === 'broken')).toEqual([]);
    const unsupported = report.checks.filter((check) => check.status === 'unsupported');
    expect(unsupported.length).toBeGreaterThan(10);
    expect(unsupported.every((check) => /lacks the capability float64/.test(check.message ?? ''))).toBe(true);
    expect(report.ok).toBe(true);
  });

  it('keeps them where subnormal numbers are flushed, and says so', async () => {
    const flushing = interpreter({
      ...single,
      round: (value) => (Math.abs(value) < 2 ** -126 ? 0 : Math.fround(value)),
      accuracy: { ...single.accuracy, subnormals: 'flushed' },
    });
    const report = await runConformance(flushing, {
      filter: /^(softmax|quality|sigmoid).*(float32 extremes|every layout)/,
    });
    expect(report.checks.filter((check) => check.status !== 'held')).toEqual([]);
  });
});
