/** Losses of third parties: any program of the expression language runs, and its gradients are derived. */
import { defineLoss, type Loss } from '@softxent/core';
import * as b from '@softxent/core/program';
import type { Formula } from '@softxent/core/reference';
import type { Check, Subject } from '../check.js';
import { randomLogit } from '../cases/family.js';
import type { LossCase } from '../hold.js';
import { fill } from '../tensors.js';
import { holdAll, randomMask, randomWeights } from './accuracy.js';

const element: Omit<Formula, 'row'> = {
  granularity: 'element',
  prediction: () => 'logits',
  axes: () => [],
  distributions: false,
};

/** (sigma(x) - t)^2. */
const brier = defineLoss({
  kind: 'conformance/brier',
  program: ({ prediction, target }) => {
    const difference = b.sub(b.sigmoid(prediction), target);
    return { reductions: [], value: b.mul(difference, difference) };
  },
});

const brierFormula: Formula = {
  ...element,
  row: ({ x: [x = NaN], t: [t = NaN] }) => {
    const sigma = 1 / (1 + Math.exp(-x));
    const slope = Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x))) ** 2;
    const difference = sigma - t;
    const scale = Math.max(sigma, t);
    return {
      value: difference * difference,
      scale: Math.abs(difference) * scale + 2 ** -16 * scale * scale,
      byPrediction: [{ value: 2 * difference * slope, scale: 2 * scale * slope }],
      byTarget: [{ value: -2 * difference, scale: 2 * scale }],
    };
  },
};

/** Every operation of the language in one loss: sqrt, pow, min, max, abs, exp, log, comparisons. */
const everything = defineLoss<{ readonly power: number }>({
  kind: 'conformance/everything',
  defaults: { power: 1.5 },
  program: ({ prediction: x, target: t }, { power }) => {
    const bounded = b.min(b.max(x, -3), 3);
    const root = b.sqrt(b.add(b.mul(bounded, bounded), 1));
    const raised = b.pow(root, power);
    const bend = b.select(b.and(b.lt(-1, x), b.not(b.lt(1, x))), b.log(root), b.sub(root, 1));
    return { reductions: [], value: b.add(b.mul(t, raised), b.add(bend, b.exp(b.neg(b.abs(bounded))))) };
  },
});

const everythingFormula: Formula = {
  ...element,
  row: ({ x: [x = NaN], t: [t = NaN] }, { power }) => {
    const p = power as number;
    const bounded = Math.min(Math.max(x, -3), 3);
    const inside = x > -3 && x < 3 ? 1 : 0;
    const root = Math.sqrt(bounded * bounded + 1);
    const rootByX = (bounded / root) * inside;
    const isNear = x > -1 && x <= 1;
    const bend = isNear ? Math.log(root) : root - 1;
    const exponential = Math.exp(-Math.abs(bounded));
    const parts = [
      t * p * root ** (p - 1) * rootByX,
      rootByX / (isNear ? root : 1),
      Math.sign(bounded) * exponential * inside,
    ];
    const [first = 0, second = 0, third = 0] = parts;
    return {
      value: t * root ** p + bend + exponential,
      scale: Math.max(t * root ** p, root, exponential) * 2,
      byPrediction: [{ value: first + second - third, scale: 2 * Math.max(...parts.map(Math.abs), 2 ** -3) }],
      byTarget: [{ value: root ** p, scale: 2 * root ** p }],
    };
  },
};

/** The variance of a row's logits, weighted by targets: two sums, the second of which reads the first. */
const spread = defineLoss({
  kind: 'conformance/spread',
  granularity: 'class',
  axes: () => [1],
  program: ({ prediction: x, target: t }) => {
    const mean = b.div(b.reduction('total'), b.extent);
    const from = b.sub(x, mean);
    return {
      reductions: [
        { name: 'total', op: 'sum', of: x },
        { name: 'spread', op: 'sum', of: b.mul(t, b.mul(from, from)) },
      ],
      value: b.reduction('spread'),
    };
  },
});

const spreadFormula: Formula = {
  granularity: 'class',
  prediction: () => 'logits',
  axes: () => [1],
  distributions: false,
  row: ({ x, t }) => {
    const mean = x.reduce((a, c) => a + c, 0) / x.length;
    const largest = Math.max(...x.map(Math.abs)) * 2;
    const weighted = x.reduce((a, v, c) => a + (t[c] as number) * (v - mean), 0);
    const weights = t.reduce((a, c) => a + c, 0);
    return {
      value: x.reduce((a, v, c) => a + (t[c] as number) * (v - mean) ** 2, 0),
      scale: weights * largest * largest * 2,
      byPrediction: x.map((v, c) => ({
        value: 2 * ((t[c] as number) * (v - mean) - weighted / x.length),
        scale: 4 * largest * Math.max(1, weights),
      })),
      byTarget: x.map((v) => ({ value: (v - mean) ** 2, scale: 2 * largest * largest })),
    };
  },
};

function* cases(subject: Subject): Generator<LossCase> {
  const { random } = subject;
  const shape = [6, 5, 3];
  const operands = {
    logits: fill('float32', shape, () => Math.max(-4, Math.min(4, randomLogit(random)))),
    targets: fill('float32', shape, () => random.uniform()),
  };
  for (const reduction of ['none', 'mean-weight'] as const) {
    const extra =
      reduction === 'none'
        ? {}
        : { weights: randomWeights('float32', [6, 1, 1], random), mask: randomMask([3], random) };
    yield { loss: brier({ reduction }) as Loss, formula: brierFormula, operands: { ...operands, ...extra } };
    yield {
      loss: everything({ reduction }) as Loss,
      formula: everythingFormula,
      operands: { ...operands, ...extra },
    };
    yield {
      loss: everything({ reduction, power: 2.25 }) as Loss,
      formula: everythingFormula,
      operands: { ...operands, ...extra },
    };
    const rows =
      reduction === 'none'
        ? {}
        : { weights: randomWeights('float32', [6, 3], random), mask: randomMask([3], random) };
    yield { loss: spread({ reduction }) as Loss, formula: spreadFormula, operands: { ...operands, ...rows } };
  }
}

/** All checks of losses that the backend has never heard of. */
export function customChecks(): Check[] {
  return [
    {
      name: 'losses made with defineLoss run, with derived gradients',
      capability: 'losses of third parties',
      quick: true,
      run: (subject) => holdAll(subject, cases(subject)),
    },
  ];
}
