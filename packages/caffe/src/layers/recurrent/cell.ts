/** One step of an LSTM. */

import { range } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerType } from '../layer.js';
import { layerError, showShape } from '../layer.js';

/** What one step of an LSTM does with its gates (input, forget, output, candidate) and the cell before it. */
export interface Cell {
  readonly c: Value;
  readonly h: Value;
  /** Gradients of the cell before and of the gates, in one tensor. */
  backward(dc: Value | null, dh: Value | null): { dc: Value; dgates: Value } | null;
}

const axisLast = (g: LayerGraph, x: Value): number => g.dims(x).length - 1;

export const plus = (g: LayerGraph, a: Value | null, b: Value | null): Value | null =>
  a && b ? g.add(a, b) : (a ?? b);

/** c = cont sigma(f) c' + sigma(i) tanh(g), h = sigma(o) tanh(c). `cont` is 0 where a sequence begins. */
export function cell(g: LayerGraph, gates: Value, before: Value, cont: Value): Cell {
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
