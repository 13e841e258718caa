import type { Value } from '@softxent/backend-onnx/graph';
import { SumGraph } from './graph/sums.js';

export type { Value } from '@softxent/backend-onnx/graph';
export type { Operand } from './graph/nodes.js';
export { count, range } from './graph/nodes.js';
export type { SliceRange } from './graph/shapes.js';

/**
 * What layers build their arithmetic from: ONNX operators over tensors whose sizes are known, and functions that are
 * written out because their operator loses digits or is missing somewhere. Equal nodes are shared, and nodes that change
 * nothing (a Reshape to the same shape, a multiplication by 1) are not made.
 */
export class LayerGraph extends SumGraph {
  /** e = exp(-|x|) and 1 + e, which sigmoid and softplus share. */
  #exponential(x: Value): { u: Value; v: Value } {
    const u = this.exp(this.neg(this.abs(x)));
    return { u, v: this.add(u, 1) };
  }

  /** 1 / (1 + exp(-x)) with full relative accuracy also where it is small. */
  sigmoid(x: Value): Value {
    return this.div(this.exp(this.neg(this.relu(this.neg(x)))), this.#exponential(x).v);
  }

  /** log(1 + exp(x)) with full relative accuracy. */
  softplus(x: Value): Value {
    return this.add(this.relu(x), this.log1pExp(x));
  }

  /** log(1 + exp(-|x|)): the logarithm of the rounded sum, and what the rounding lost. */
  log1pExp(x: Value): Value {
    const { u, v } = this.#exponential(x);
    return this.add(this.log(v), this.div(this.sub(u, this.sub(v, 1)), v));
  }

  /** exp(x - max) along an axis, its sum, and x - max. */
  exponentials(x: Value, axis: number): { shifted: Value; exps: Value; sum: Value } {
    const shifted = this.sub(x, this.reduceMax(x, [axis], true));
    const exps = this.exp(shifted);
    return { shifted, exps, sum: this.reduceSum(exps, [axis], true) };
  }

  softmax(x: Value, axis: number): Value {
    const { exps, sum: total } = this.exponentials(x, axis);
    return this.div(exps, total);
  }
}
