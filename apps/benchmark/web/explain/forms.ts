/** The same loss as programs write it, in float32: every operation is rounded, functions correctly so. */
import { sigmoidCrossEntropy } from '@softxent/core';
import { inFloat32 } from './program.js';

/** Loss, gradient and loss above the floor, as float32 arithmetic gives them. */
export interface Computed {
  readonly loss: number;
  readonly gradient: number;
  readonly excess: number;
}

/** The names of quantities that forms compute. */
export type Quantity = keyof Computed;

/** A way to write the loss. */
export interface Form {
  readonly id: 'softxent' | 'rearranged' | 'definition';
  readonly name: string;
  /** Who writes it so. */
  readonly origin: string;
  readonly formulas: Readonly<Record<Quantity, string>>;
  readonly at: (logit: number, target: number) => Computed;
}

const f = Math.fround;
const exp = (x: number): number => f(Math.exp(x));
const log = (x: number): number => f(Math.log(x));
const log1p = (x: number): number => f(Math.log1p(x));

/** 1 / (1 + exp(-x)). */
const sigmoid = (x: number): number => f(1 / f(1 + exp(-x)));

/** -t log t - (1 - t) log(1 - t), with 0 log 0 = 0. */
function entropy(t: number): number {
  const term = (p: number): number => (p === 0 ? 0 : f(p * log(p)));
  return -f(term(t) + term(f(1 - t)));
}

const plain = inFloat32(sigmoidCrossEntropy({ reduction: 'none' }));
const aboveFloor = inFloat32(sigmoidCrossEntropy({ reduction: 'none', floor: 'entropy' }));

const softxent: Form = {
  id: 'softxent',
  name: 'softxent',
  origin: 'this library: only terms of one sign are added',
  formulas: {
    loss: '|x|·m + log1p(e^−|x|), m = 1−t or t',
    gradient: '(1−t) − σ(−x) for x ≥ 0, σ(x) − t below',
    excess: 'KL(t ‖ σ(x)) as a divergence',
  },
  at(logit, target) {
    const { value: loss, gradient } = plain(logit, target);
    return { loss, gradient, excess: aboveFloor(logit, target).value };
  },
};

const rearranged: Form = {
  id: 'rearranged',
  name: 'rearranged',
  origin: 'Caffe, PyTorch, TensorFlow',
  formulas: {
    loss: 'max(x, 0) − x·t + log1p(e^−|x|)',
    gradient: 'σ(x) − t',
    excess: 'the loss − H(t)',
  },
  at(logit, target) {
    const [x, t] = [f(logit), f(target)];
    const loss = f(f(Math.max(x, 0) - f(x * t)) + log1p(exp(-Math.abs(x))));
    return { loss, gradient: f(sigmoid(x) - t), excess: f(loss - entropy(t)) };
  },
};

const definition: Form = {
  id: 'definition',
  name: 'by definition',
  origin: 'log of a sigmoid, differentiated step by step',
  formulas: {
    loss: '−t·log σ(x) − (1−t)·log(1−σ(x))',
    gradient: '(−t/c + (1−t)/(1−c))·c·(1−c), c = σ(x)',
    excess: 'the loss − H(t)',
  },
  at(logit, target) {
    const [x, t] = [f(logit), f(target)];
    const c = sigmoid(x);
    const [notT, notC] = [f(1 - t), f(1 - c)];
    const loss = -f(f(t * log(c)) + f(notT * log(notC)));
    const byPrediction = f(f(-t / c) + f(notT / notC));
    return { loss, gradient: f(byPrediction * f(c * notC)), excess: f(loss - entropy(t)) };
  },
};

/** The ways that the page compares; this library's first. */
export const forms: readonly Form[] = [softxent, rearranged, definition];
