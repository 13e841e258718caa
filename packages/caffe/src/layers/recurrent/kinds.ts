/** What makes an LSTM or an RNN of a layer that is unrolled over time. */

import type { LayerGraph, Value } from '../graph.js';
import type { ParamBlob } from '../layer.js';
import { cell, plus } from './cell.js';

/** The sizes of a recurrent layer: T steps of N sequences with `features` inputs each. */
export interface Sizes {
  readonly steps: number;
  readonly n: number;
  readonly features: number;
  readonly hidden: number;
  readonly expose: boolean;
  /** Features of the bottom that is the same at every step. */
  readonly fixed: number | null;
}

/** One step in time: new states and an output, and what the gradients of both become. */
export interface Step {
  readonly output: Value;
  readonly states: readonly Value[];
  backward(
    doutput: Value | null,
    dstates: readonly (Value | null)[],
  ): { dinput: Value; dstates: readonly (Value | null)[] } | null;
}

/** What makes an LSTM or an RNN of the common frame. */
export interface Kind {
  readonly type: string;
  /** Hidden states: h, or h and c in the order in which they are bottoms and tops. */
  readonly states: number;
  /** Numbers that a step gets from its input, in units of `hidden`. */
  readonly gates: number;
  /** Parameters after the ones for the inputs. */
  params(
    sizes: Sizes,
    weight: (shape: number[]) => ParamBlob,
    bias: (shape: number[]) => ParamBlob,
  ): ParamBlob[];
  /** The steps, given the parameters of {@link Kind.params}. `finish` gives the gradients of those, after all steps. */
  start(
    g: LayerGraph,
    params: readonly Value[],
    sizes: Sizes,
  ): {
    readonly step: (input: Value, cont: Value, states: readonly Value[]) => Step;
    readonly finish: (wanted: readonly boolean[]) => (Value | null)[];
  };
}

/** Products of a weight with what came in at every step, collected for its gradient. */
class Weight {
  readonly #uses: { dy: Value; x: Value }[] = [];

  constructor(
    readonly g: LayerGraph,
    readonly w: Value,
  ) {}

  apply(x: Value, b: Value | null = null): Value {
    return this.g.gemm(x, this.w, b, { transB: true });
  }

  back(dy: Value, x: Value): Value {
    this.#uses.push({ dy, x });
    return this.g.gemm(dy, this.w, null);
  }

  gradient(): Value | null {
    if (this.#uses.length === 0) return null;
    const { g } = this;
    const dys = g.concat(
      this.#uses.map(({ dy }) => dy),
      0,
    );
    const xs = g.concat(
      this.#uses.map(({ x }) => x),
      0,
    );
    return g.gemm(dys, xs, null, { transA: true });
  }
}

export const lstmKind: Kind = {
  type: 'LSTM',
  states: 2,
  gates: 4,
  params: ({ hidden }, weight) => [weight([4 * hidden, hidden])],
  start(g, [wh]) {
    const weight = new Weight(g, wh!);
    return {
      step(input, cont, [h, c]) {
        const hidden = g.mul(h!, cont);
        const step = cell(g, g.add(input, weight.apply(hidden)), c!, cont);
        return {
          output: step.h,
          states: [step.h, step.c],
          backward(doutput, [dh, dc]) {
            const made = step.backward(dc!, plus(g, doutput, dh!));
            if (!made) return null;
            return { dinput: made.dgates, dstates: [g.mul(weight.back(made.dgates, hidden), cont), made.dc] };
          },
        };
      },
      finish: ([wanted]) => [wanted ? weight.gradient() : null],
    };
  },
};

export const rnnKind: Kind = {
  type: 'RNN',
  states: 1,
  gates: 1,
  params: ({ hidden }, weight, bias) => [weight([hidden, hidden]), weight([hidden, hidden]), bias([hidden])],
  start(g, [whh, who, bo]) {
    const again = new Weight(g, whh!);
    const out = new Weight(g, who!);
    const douts: Value[] = [];
    return {
      step(input, cont, [before]) {
        const hidden = g.mul(before!, cont);
        const h = g.tanh(g.add(input, again.apply(hidden)));
        const output = g.tanh(out.apply(h, bo));
        const slope = (y: Value): Value => g.sub(1, g.mul(y, y));
        return {
          output,
          states: [h],
          backward(doutput, [dlater]) {
            let dh = dlater!;
            if (doutput) {
              const dout = g.mul(doutput, slope(output));
              douts.push(dout);
              dh = plus(g, dh, out.back(dout, h))!;
            }
            if (!dh) return null;
            const dinput = g.mul(dh, slope(h));
            return { dinput, dstates: [g.mul(again.back(dinput, hidden), cont)] };
          },
        };
      },
      finish: (wanted) => [
        wanted[0] ? again.gradient() : null,
        wanted[1] ? out.gradient() : null,
        wanted[2] && douts.length > 0 ? g.reduceSum(g.concat(douts, 0), [0]) : null,
      ],
    };
  },
};
