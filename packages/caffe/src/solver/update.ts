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

type Step = (i: number, gradient: number) => number;

/** values[i] -= step(i, gradient with scale and decay), for all i. */
function each({ values, gradient }: UpdateArrays, { scale, decay, l1 }: UpdateNumbers, step: Step): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const pull = decay === 0 ? 0 : decay * (l1 ? Math.sign(value) : value);
    values[i] = value - step(i, gradient[i]! * scale + pull);
  }
}

/** Plain momentum: history = momentum history + rate g; the step is the history. */
const sgd: Rule = {
  histories: 1,
  update(arrays, numbers, { momentum }) {
    const { values, gradient } = arrays;
    const history = arrays.history[0]!;
    const { rate, scale, decay, l1 } = numbers;
    // Written out: the one that most nets use, over all of their values in every iteration.
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const pull = decay === 0 ? 0 : decay * (l1 ? Math.sign(value) : value);
      history[i] = momentum * history[i]! + rate * (gradient[i]! * scale + pull);
      values[i] = value - history[i]!;
    }
  },
};

/** Nesterov's momentum: the step is (1 + momentum) history - momentum (history before). */
const nesterov: Rule = {
  histories: 1,
  update(arrays, numbers, { momentum }) {
    const history = arrays.history[0]!;
    each(arrays, numbers, (i, g) => {
      const before = history[i]!;
      history[i] = momentum * before + numbers.rate * g;
      return (1 + momentum) * history[i] - momentum * before;
    });
  },
};

/** Duchi, Hazan and Singer 2011: history += g^2; the step is rate g / (sqrt(history) + delta). */
const adaGrad: Rule = {
  histories: 1,
  update(arrays, numbers, { delta }) {
    const history = arrays.history[0]!;
    each(arrays, numbers, (i, g) => {
      history[i] = history[i]! + g * g;
      return (numbers.rate * g) / (Math.sqrt(history[i]) + delta);
    });
  },
};

/** Tieleman and Hinton 2012: the history is a running mean of g^2 with weight rms_decay. */
const rmsProp: Rule = {
  histories: 1,
  update(arrays, numbers, { rms_decay: keep, delta }) {
    const history = arrays.history[0]!;
    each(arrays, numbers, (i, g) => {
      history[i] = keep * history[i]! + (1 - keep) * g * g;
      return (numbers.rate * g) / (Math.sqrt(history[i]) + delta);
    });
  },
};

/** Zeiler 2012: the step is rate u, u = g sqrt((mean u^2 + delta) / (mean g^2 + delta)), with momentum as the weight of the means. */
const adaDelta: Rule = {
  histories: 2,
  update(arrays, numbers, { momentum, delta }) {
    const [squares, steps] = arrays.history as [Float32Array, Float32Array];
    each(arrays, numbers, (i, g) => {
      squares[i] = momentum * squares[i]! + (1 - momentum) * g * g;
      const u = g * Math.sqrt((steps[i]! + delta) / (squares[i] + delta));
      steps[i] = momentum * steps[i]! + (1 - momentum) * u * u;
      return numbers.rate * u;
    });
  },
};

/** Kingma and Ba 2015, with momentum as beta1, momentum2 as beta2 and delta as epsilon. */
const adam: Rule = {
  histories: 2,
  update(arrays, numbers, { momentum: beta1, momentum2: beta2, delta }) {
    const [mean, square] = arrays.history as [Float32Array, Float32Array];
    const t = numbers.iteration + 1;
    const rate = (numbers.rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    each(arrays, numbers, (i, g) => {
      mean[i] = beta1 * mean[i]! + (1 - beta1) * g;
      square[i] = beta2 * square[i]! + (1 - beta2) * g * g;
      return (rate * mean[i]) / (Math.sqrt(square[i]) + delta);
    });
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
