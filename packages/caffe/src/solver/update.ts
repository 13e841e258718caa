/**
 * One update of the values of a parameter. Every rule works on flat arrays in one pass; numbers are kept in float32
 * between iterations, so that a state that was written and read again continues to the bit.
 */

import { CaffeSolverError } from './errors.js';
import type { SolverParameter } from '../schema/messages.js';

/** What an update works on: all of one length. */
export interface UpdateArrays {
  /** Changed in place. */
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  /** What the rule remembers; one array for each of {@link Rule.histories}. Changed in place. */
  readonly history: readonly Float32Array[];
}

/** The numbers of one update. */
export interface UpdateNumbers {
  /** The learning rate times lr_mult. */
  readonly rate: number;
  /** Multiplies the gradient first: clipping, and the division by iter_size. */
  readonly scale: number;
  /** weight_decay times decay_mult. */
  readonly decay: number;
  /** Decay by the sign of a value, not by the value. */
  readonly l1: boolean;
  /** From 0. */
  readonly iteration: number;
}

/** A solver type: how many histories it keeps, and its update. */
export interface Rule {
  readonly histories: number;
  update(arrays: UpdateArrays, numbers: UpdateNumbers, options: SolverParameter): void;
}

// Every rule has a loop of its own: one loop that calls a rule's step for each value takes two to five times as long.

/** The decay of a value: towards 0 in proportion to it, or by a constant. */
const pull = (value: number, decay: number, l1: boolean): number => decay * (l1 ? Math.sign(value) : value);

/** Plain momentum: history = momentum history + rate g; the step is the history. */
const sgd: Rule = {
  histories: 1,
  update({ values, gradient, history: [history] }, { rate, scale, decay, l1 }, { momentum }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const step = Math.fround(momentum * history![i]! + rate * g);
      history![i] = step;
      values[i] = value - step;
    }
  },
};

/** Nesterov's momentum: the step is (1 + momentum) history - momentum (history before). */
const nesterov: Rule = {
  histories: 1,
  update({ values, gradient, history: [history] }, { rate, scale, decay, l1 }, { momentum }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const before = history![i]!;
      const now = Math.fround(momentum * before + rate * g);
      history![i] = now;
      values[i] = value - ((1 + momentum) * now - momentum * before);
    }
  },
};

/** Duchi, Hazan and Singer 2011: history += g^2; the step is rate g / (sqrt(history) + delta). */
const adaGrad: Rule = {
  histories: 1,
  update({ values, gradient, history: [history] }, { rate, scale, decay, l1 }, { delta }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const squares = Math.fround(history![i]! + g * g);
      history![i] = squares;
      values[i] = value - (rate * g) / (Math.sqrt(squares) + delta);
    }
  },
};

/** Tieleman and Hinton 2012: the history is a running mean of g^2 with weight rms_decay. */
const rmsProp: Rule = {
  histories: 1,
  update({ values, gradient, history: [history] }, { rate, scale, decay, l1 }, { rms_decay: keep, delta }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const squares = Math.fround(keep * history![i]! + (1 - keep) * g * g);
      history![i] = squares;
      values[i] = value - (rate * g) / (Math.sqrt(squares) + delta);
    }
  },
};

/** Zeiler 2012: the step is rate u, u = g sqrt((mean u^2 + delta) / (mean g^2 + delta)), with momentum as the weight of the means. */
const adaDelta: Rule = {
  histories: 2,
  update({ values, gradient, history: [squares, steps] }, { rate, scale, decay, l1 }, { momentum, delta }) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const square = Math.fround(momentum * squares![i]! + (1 - momentum) * g * g);
      squares![i] = square;
      const u = g * Math.sqrt((steps![i]! + delta) / (square + delta));
      steps![i] = momentum * steps![i]! + (1 - momentum) * u * u;
      values[i] = value - rate * u;
    }
  },
};

/** Kingma and Ba 2015, with momentum as beta1, momentum2 as beta2 and delta as epsilon. */
const adam: Rule = {
  histories: 2,
  update(arrays, { rate, scale, decay, l1, iteration }, { momentum: beta1, momentum2: beta2, delta }) {
    const { values, gradient } = arrays;
    const [means, squares] = arrays.history;
    const t = iteration + 1;
    const corrected = (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const g = gradient[i]! * scale + pull(value, decay, l1);
      const mean = Math.fround(beta1 * means![i]! + (1 - beta1) * g);
      const square = Math.fround(beta2 * squares![i]! + (1 - beta2) * g * g);
      means![i] = mean;
      squares![i] = square;
      values[i] = value - (corrected * mean) / (Math.sqrt(square) + delta);
    }
  },
};

/** The solver types, by the names in `type`. */
export const rules: ReadonlyMap<string, Rule> = new Map([
  ['SGD', sgd],
  ['Nesterov', nesterov],
  ['AdaGrad', adaGrad],
  ['RMSProp', rmsProp],
  ['AdaDelta', adaDelta],
  ['Adam', adam],
]);

/**
 * The rule of a solver.
 * @throws CaffeSolverError for an unknown type, or options that the type does not go with
 */
export function ruleOf(options: SolverParameter): Rule {
  const { type, momentum, rms_decay: keep } = options;
  const rule = rules.get(type);
  if (!rule) {
    throw new CaffeSolverError(
      `the solver type is "${type}"; expected one of ${[...rules.keys()].join(', ')}`,
    );
  }
  if ((type === 'AdaGrad' || type === 'RMSProp') && momentum !== 0) {
    throw new CaffeSolverError(`momentum is ${momentum}; ${type} goes without (0)`);
  }
  if (type === 'RMSProp' && !(keep >= 0 && keep < 1)) {
    throw new CaffeSolverError(`rms_decay is ${keep}; expected 0 or more and less than 1`);
  }
  return rule;
}
