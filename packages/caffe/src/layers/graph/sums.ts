import type { Value } from '@softxent/backend-onnx/graph';
import { count, range } from './nodes.js';
import { ShapeGraph } from './shapes.js';

/** Sums over axes and products of matrices. */
export class SumGraph extends ShapeGraph {
  #reduce(opType: string, x: Value, axes: readonly number[], keep: boolean): Value {
    const shape = this.dims(x);
    const reduced = shape.flatMap((size, i) => (axes.includes(i) ? (keep ? [1] : []) : [size]));
    if (axes.every((axis) => shape[axis] === 1)) return this.reshape(x, reduced);
    return this.op(opType, [x, this.ints(axes)], { keepdims: keep ? 1 : 0 }, reduced);
  }

  reduceSum(x: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceSum', x, axes, keep);
  }

  reduceMean(x: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceMean', x, axes, keep);
  }

  reduceMax(x: Value, axes: readonly number[], keep = false): Value {
    return this.#reduce('ReduceMax', x, axes, keep);
  }

  /**
   * The sum of all elements, of shape (). Summed in blocks of at most a few hundred elements, blocks of blocks and so
   * on: one float32 reduction of a large tensor loses digits in proportion to its size.
   */
  total(x: Value): Value {
    let rest = count(this.dims(x));
    const blocks: number[] = [];
    while (rest > 1) {
      let block = Math.min(rest, 256);
      while (rest % block !== 0) block--;
      // A large prime factor: take it as it is.
      if (block < 16 && rest > 256) {
        block = 16;
        while (rest % block !== 0) block++;
      }
      blocks.unshift(block);
      rest /= block;
    }
    let value = this.reshape(x, blocks);
    for (let axis = blocks.length - 1; axis >= 0; axis--) value = this.reduceSum(value, [axis]);
    return this.reshape(value, []);
  }

  matMul(a: Value, b: Value): Value {
    const left = this.dims(a);
    const right = this.dims(b);
    const batch = left.length >= right.length ? left.slice(0, -2) : right.slice(0, -2);
    return this.op('MatMul', [a, b], {}, [...batch, left.at(-2)!, right.at(-1)!]);
  }

  /** The last two axes exchanged. */
  transposed(x: Value): Value {
    const rank = this.sizes(x).length;
    return this.transpose(x, [...range(rank - 2), rank - 1, rank - 2]);
  }

  /** a b + c of matrices, transposed where asked. */
  gemm(a: Value, b: Value, c: Value | null, { transA = false, transB = false } = {}): Value {
    const shape = [this.dims(a)[transA ? 1 : 0]!, this.dims(b)[transB ? 0 : 1]!];
    return this.op('Gemm', c ? [a, b, c] : [a, b], { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }, shape);
  }
}
