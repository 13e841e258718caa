/** Recurrent layers, unrolled over time: LSTM, RNN; and LSTMUnit, one step of an LSTM. */

import { count, range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerBuild, LayerForward, LayerInputs, LayerType, ParamBlob, Wanted } from './layer.js';
import { layerError, showShape } from './layer.js';

/** What one step of an LSTM does with its gates (input, forget, output, candidate) and the cell before it. */
interface Cell {
  readonly c: Value;
  readonly h: Value;
  /** Gradients of the cell before and of the gates, in one tensor. */
  backward(dc: Value | null, dh: Value | null): { dc: Value; dgates: Value } | null;
}

const axisLast = (g: LayerGraph, x: Value): number => g.dims(x).length - 1;

const plus = (g: LayerGraph, a: Value | null, b: Value | null): Value | null =>
  a && b ? g.add(a, b) : (a ?? b);

/** c = cont sigma(f) c' + sigma(i) tanh(g), h = sigma(o) tanh(c). `cont` is 0 where a sequence begins. */
function cell(g: LayerGraph, gates: Value, before: Value, cont: Value): Cell {
  const axis = axisLast(g, gates);
  const size = g.dims(gates)[axis]! / 4;
  const parts = g.split(
    gates,
    range(4).map(() => size),
    axis,
  ) as [Value, Value, Value, Value];
  const [i, f, o] = parts.slice(0, 3).map((x) => g.sigmoid(x)) as [Value, Value, Value];
  const candidate = g.tanh(parts[3]);
  const kept = g.mul(f, cont);
  const c = g.add(g.mul(kept, before), g.mul(i, candidate));
  const tanhC = g.tanh(c);
  const slope = (y: Value): Value => g.mul(y, g.sub(1, y));
  return {
    c,
    h: g.mul(o, tanhC),
    backward(dcLater, dh) {
      const through = dh && g.mul(g.mul(dh, o), g.sub(1, g.mul(tanhC, tanhC)));
      const dc = plus(g, dcLater, through);
      if (!dc) return null;
      const di = g.mul(g.mul(dc, candidate), slope(i));
      const df = g.mul(g.mul(g.mul(dc, before), cont), slope(f));
      const dout = dh ? g.mul(g.mul(dh, tanhC), slope(o)) : g.mul(o, 0);
      const dcandidate = g.mul(g.mul(dc, i), g.sub(1, g.mul(candidate, candidate)));
      return { dc: g.mul(dc, kept), dgates: g.concat([di, df, dout, dcandidate], axis) };
    },
  };
}

/** One step of an LSTM: bottoms are the cell, the gates and cont; tops the next cell and the output. */
export const lstmUnit: LayerType = {
  type: 'LSTMUnit',
  bottoms: { exact: 3 },
  tops: { exact: 2 },
  allowsForceBackward: (bottom) => bottom !== 2,
  shapes({ layer, bottoms }) {
    const [c, gates, cont] = bottoms as [readonly number[], readonly number[], readonly number[]];
    const [steps, n, size] = c;
    if (c.length !== 3 || steps !== 1)
      throw layerError(layer, `bottom 0 is ${showShape(c)}; expected [1,N,D]`);
    if (gates.join() !== [1, n!, 4 * size!].join()) {
      throw layerError(layer, `bottom 1 is ${showShape(gates)}; expected [1,${n},${4 * size!}]`);
    }
    if (cont.join() !== [1, n!].join())
      throw layerError(layer, `bottom 2 is ${showShape(cont)}; expected [1,${n}]`);
    return { tops: [c, c], params: [] };
  },
  build({ g, bottoms }) {
    const [before, gates, cont] = bottoms as [Value, Value, Value];
    const step = cell(g, gates, before, g.reshape(cont, [...g.dims(cont), 1]));
    return {
      tops: [step.c, step.h],
      backward([dc, dh]) {
        const made = step.backward(dc!, dh!);
        return { bottoms: [made?.dc ?? null, made?.dgates ?? null, null] };
      },
    };
  },
};

/** The sizes of a recurrent layer: T steps of N sequences with `features` inputs each. */
interface Sizes {
  readonly steps: number;
  readonly n: number;
  readonly features: number;
  readonly hidden: number;
  readonly expose: boolean;
  /** Features of the bottom that is the same at every step. */
  readonly fixed: number | null;
}

function sizesOf({ layer, bottoms }: Pick<LayerInputs, 'layer' | 'bottoms'>, states: number): Sizes {
  const { num_output: hidden, expose_hidden: expose } = layer.recurrent_param;
  const [x, cont, ...rest] = bottoms as [readonly number[], readonly number[], ...(readonly number[])[]];
  if (hidden < 1) throw layerError(layer, 'recurrent_param.num_output is missing or 0; expected 1 or more');
  if (x.length < 2) throw layerError(layer, `bottom 0 is ${showShape(x)}; expected [T,N,...]`);
  const [steps, n] = x as [number, number];
  if (cont.join() !== [steps, n].join()) {
    throw layerError(
      layer,
      `bottom 1 is ${showShape(cont)}; expected [${steps},${n}] (0 where a sequence begins)`,
    );
  }
  const exposed = expose ? states : 0;
  const inputs = rest.length - exposed;
  if (inputs !== 0 && inputs !== 1) {
    throw layerError(layer, `${bottoms.length} bottoms; expected ${2 + exposed} or ${3 + exposed}`);
  }
  const fixed = inputs === 1 ? rest[0]! : null;
  if (fixed && fixed[0] !== n) {
    throw layerError(layer, `bottom 2 is ${showShape(fixed)}; its first axis must be the ${n} sequences`);
  }
  for (const [i, shape] of rest.slice(inputs).entries()) {
    if (count(shape) !== n * hidden) {
      throw layerError(layer, `bottom ${2 + inputs + i} is ${showShape(shape)}; expected [1,${n},${hidden}]`);
    }
  }
  return { steps, n, features: count(x, 2), hidden, expose, fixed: fixed && count(fixed, 1) };
}

/** One step in time: new states and an output, and what the gradients of both become. */
interface Step {
  readonly output: Value;
  readonly states: readonly Value[];
  backward(
    doutput: Value | null,
    dstates: readonly (Value | null)[],
  ): { dinput: Value; dstates: readonly (Value | null)[] } | null;
}

/** What makes an LSTM or an RNN of the common frame. */
interface Kind {
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

const lstmKind: Kind = {
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

const rnnKind: Kind = {
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

function recurrent(kind: Kind): LayerType {
  return {
    type: kind.type,
    bottoms: { min: 2, max: 3 + kind.states },
    tops: { min: 1, max: 1 + kind.states },
    allowsForceBackward: (bottom) => bottom !== 1,
    shapes(inputs) {
      const { layer, topCount } = inputs;
      const sizes = sizesOf(inputs, kind.states);
      const { steps, n, features, hidden, expose, fixed } = sizes;
      const expected = expose ? 1 + kind.states : 1;
      if (topCount !== expected) throw layerError(layer, `${topCount} tops; expected ${expected}`);
      const { weight_filler: weightFiller, bias_filler: biasFiller } = layer.recurrent_param;
      const weight = (shape: number[]): ParamBlob => ({ shape, filler: weightFiller });
      const bias = (shape: number[]): ParamBlob => ({ shape, filler: biasFiller });
      const width = kind.gates * hidden;
      return {
        tops: [[steps, n, hidden], ...range(expected - 1).map(() => [1, n, hidden])],
        params: [
          weight([width, features]),
          bias([width]),
          ...(fixed === null ? [] : [weight([width, fixed])]),
          ...kind.params(sizes, weight, bias),
        ],
      };
    },
    build: (build) => unrolled(kind, build),
  };
}

function unrolled(kind: Kind, { g, layer, bottoms, params, state }: LayerBuild): LayerForward {
  const sizes = sizesOf({ layer, bottoms: bottoms.map((x) => g.dims(x)) }, kind.states);
  const { steps, n, features, hidden, expose, fixed } = sizes;
  const [x, cont, ...rest] = bottoms as [Value, Value, ...Value[]];
  const width = kind.gates * hidden;
  const inputs = fixed === null ? 0 : 1;
  const first = range(kind.states).map((i) =>
    expose ? g.reshape(rest[inputs + i]!, [n, hidden]) : state([n, hidden]),
  );
  const [wx, bx] = params as [Value, Value];
  const wfixed = fixed === null ? null : params[2]!;
  const own = params.slice(2 + inputs);
  const flat = g.reshape(x, [steps * n, features]);
  const projected = g.reshape(g.gemm(flat, wx, bx, { transB: true }), [steps, n, width]);
  const still = wfixed && g.reshape(rest[0]!, [n, fixed!]);
  const input = wfixed ? g.add(projected, g.gemm(still!, wfixed, null, { transB: true })) : projected;
  const at = (value: Value, t: number, size: number): Value =>
    g.reshape(g.slice(value, [[0, t, t + 1]]), [n, size]);
  const { step, finish } = kind.start(g, own, sizes);
  const made: Step[] = [];
  let states: readonly Value[] = first;
  for (let t = 0; t < steps; t++) {
    made.push(step(at(input, t, width), at(cont, t, 1), states));
    ({ states } = made.at(-1)!);
  }
  const asTop = (value: Value): Value => g.reshape(value, [1, n, hidden]);
  const backward = (tops: readonly (Value | null)[], wanted: Wanted) => {
    const [dy, ...dlast] = tops;
    let dstates: readonly (Value | null)[] = range(kind.states).map((i) =>
      dlast[i] ? g.reshape(dlast[i], [n, hidden]) : null,
    );
    const dinputs: Value[] = [];
    for (let t = steps - 1; t >= 0; t--) {
      const result = made[t]!.backward(dy ? at(dy, t, hidden) : null, dstates);
      if (!result) return { bottoms: bottoms.map(() => null), params: params.map(() => null) };
      dinputs.unshift(result.dinput);
      ({ dstates } = result);
    }
    const dinput = g.concat(dinputs, 0);
    const dfixed = fixed === null ? null : g.sum(dinputs);
    const dbottoms = [
      wanted.bottoms[0] ? g.reshape(g.gemm(dinput, wx, null), g.dims(x)) : null,
      null,
      ...(dfixed
        ? [wanted.bottoms[2] ? g.reshape(g.gemm(dfixed, wfixed!, null), g.dims(rest[0]!)) : null]
        : []),
      // Caffe gives exposed initial states no gradient.
      ...(expose ? range(kind.states).map(() => null) : []),
    ];
    const dparams = [
      wanted.params[0] ? g.gemm(dinput, flat, null, { transA: true }) : null,
      wanted.params[1] ? g.reduceSum(dinput, [0]) : null,
      ...(dfixed ? [wanted.params[2] ? g.gemm(dfixed, still!, null, { transA: true }) : null] : []),
      ...finish(wanted.params.slice(2 + inputs)),
    ];
    return { bottoms: dbottoms, params: dparams };
  };
  const output = g.concat(
    made.map((each) => g.reshape(each.output, [1, n, hidden])),
    0,
  );
  return {
    tops: [output, ...(expose ? states.map(asTop) : [])],
    backward,
    ...(expose ? {} : { states }),
  };
}

export const lstm: LayerType = recurrent(lstmKind);
export const rnn: LayerType = recurrent(rnnKind);

export const recurrentLayers: readonly LayerType[] = [lstm, rnn, lstmUnit];
