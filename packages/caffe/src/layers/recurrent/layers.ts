/** LSTM and RNN, unrolled over time. */

import { count, range } from '../graph.js';
import type { Value } from '../graph.js';
import type { LayerBuild, LayerForward, LayerInputs, LayerType, ParamBlob, Wanted } from '../layer.js';
import { layerError, showShape } from '../layer.js';
import { lstmUnit } from './cell.js';
import type { Kind, Sizes, Step } from './kinds.js';
import { lstmKind, rnnKind } from './kinds.js';

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
