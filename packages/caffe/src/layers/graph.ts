import type { Attributes, GraphDType, Value } from '@softxent/backend-onnx/graph';
import { GraphBuilder, float } from '@softxent/backend-onnx/graph';
import type { Provider } from '@softxent/backend-onnx/runtime';

export type { GraphDType, Value } from '@softxent/backend-onnx/graph';

/** A tensor of the graph, or a number that stands for a float32 constant. */
export type Operand = Value | number;

/** Sizes per axis; `null` where a size is known only when the graph runs (below a Filter layer). */
export type Dims = readonly (number | null)[];

/** `[axis, start, end]` or `[axis, start, end, step]`; starts and ends count from the front. */
export type SliceRange = readonly [axis: number, start: number, end: number, step?: number];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** How many elements a shape holds. */
export const count = (shape: readonly number[], from = 0, to = shape.length): number =>
  shape.slice(from, to).reduce((product, size) => product * size, 1);

/** The sizes `0 .. n - 1`. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const same = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/**
 * What layers build their arithmetic from: ONNX operators over tensors whose sizes are known. Equal nodes are shared,
 * and nodes that change nothing (a Reshape to the same shape, a multiplication by 1) are not made.
 */
export class LayerGraph {
  readonly builder = new GraphBuilder({ name: 'net' });
  /** The provider that the graph is for: some have operators that others lack. `null`: it is for any. */
  readonly provider: Provider | null;
  readonly #ids = new WeakMap<Value, number>();
  readonly #seen = new Map<string, Value[]>();
  #count = 0;

  constructor(provider: Provider | null = null) {
    this.provider = provider;
  }

  input(name: string, shape: readonly number[], dtype: GraphDType = 'float32'): Value {
    return this.builder.input(name, dtype, shape);
  }

  output(name: string, value: Value): Value {
    return this.builder.output(name, value);
  }

  constant(
    data: readonly number[] | Float32Array<ArrayBuffer>,
    shape: readonly number[] = [data.length],
  ): Value {
    return this.builder.constant('float32', data, shape);
  }

  ints(data: readonly number[]): Value {
    return this.builder.ints(data);
  }

  /** A constant of one repeated value. */
  filled(shape: readonly number[], value: number): Value {
    return this.constant(new Float32Array(count(shape)).fill(value), shape);
  }

  /** The sizes of a tensor. Throws where one of them depends on data. */
  dims(value: Value): number[] {
    return this.sizes(value).map((size) => {
      if (size === null) throw new RangeError(`a size of '${value.name}' is known only when the net runs`);
      return size;
    });
  }

  /** The sizes of a tensor, with `null` for those that depend on data. */
  sizes(value: Value): Dims {
    if (value.shape === null) throw new RangeError(`the shape of '${value.name}' is not known`);
    return value.shape.map((size) => (typeof size === 'number' ? size : null));
  }

  /** Any operator with one output. */
  op(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    shape: Dims,
    dtype?: GraphDType,
  ): Value {
    return this.opMany(opType, inputs, attributes, [{ shape, ...(dtype && { dtype }) }])[0]!;
  }

  /** Any operator with several outputs. */
  opMany(
    opType: string,
    inputs: readonly (Value | null)[],
    attributes: Attributes,
    outputs: readonly { shape: Dims; dtype?: GraphDType }[],
  ): Value[] {
    const key = `${opType}(${inputs.map((input) => (input === null ? '' : this.#id(input))).join()})${JSON.stringify(attributes)}${outputs.length}`;
    let values = this.#seen.get(key);
    if (!values) {
      values = this.builder.opMany(opType, inputs, attributes, outputs);
      this.#seen.set(key, values);
    }
    return values;
  }

  #id(value: Value): number {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#count++;
      this.#ids.set(value, id);
    }
    return id;
  }

  // Element by element

  #operand(x: Operand): Value {
    return typeof x === 'number' ? this.constant([x], []) : x;
  }

  #broadcast(...values: readonly Value[]): Dims {
    let result: (number | null)[] = [];
    for (const value of values) {
      const shape = this.sizes(value);
      const rank = Math.max(result.length, shape.length);
      const at = (dims: Dims, i: number): number | null => {
        const place = dims.length - rank + i;
        return place < 0 ? 1 : (dims[place] ?? null);
      };
      const before = result;
      result = range(rank).map((i) => {
        const a = at(before, i);
        const b = at(shape, i);
        if (a !== null && b !== null && a !== b && a !== 1 && b !== 1) {
          throw new RangeError(`[${before.join()}] and [${shape.join()}] ('${value.name}') do not broadcast`);
        }
        return a === 1 ? b : a;
      });
    }
    return result;
  }

  #elementwise(opType: string, operands: readonly Operand[], dtype?: GraphDType): Value {
    const values = operands.map((operand) => this.#operand(operand));
    return this.op(opType, values, {}, this.#broadcast(...values), dtype);
  }

  #unary(opType: string, x: Value, attributes: Attributes = {}, dtype?: GraphDType): Value {
    return this.op(opType, [x], attributes, this.sizes(x), dtype);
  }

  add(a: Operand, b: Operand): Value {
    if (b === 0) return this.#operand(a);
    return this.#elementwise('Add', [a, b]);
  }

  sub(a: Operand, b: Operand): Value {
    if (b === 0) return this.#operand(a);
    return this.#elementwise('Sub', [a, b]);
  }

  mul(a: Operand, b: Operand): Value {
    if (b === 1) return this.#operand(a);
    if (a === 1) return this.#operand(b);
    return this.#elementwise('Mul', [a, b]);
  }

  div(a: Operand, b: Operand): Value {
    if (b === 1) return this.#operand(a);
    return this.#elementwise('Div', [a, b]);
  }

  max(a: Operand, b: Operand): Value {
    return this.#elementwise('Max', [a, b]);
  }

  min(a: Operand, b: Operand): Value {
    return this.#elementwise('Min', [a, b]);
  }

  pow(a: Operand, b: Operand): Value {
    return this.#elementwise('Pow', [a, b]);
  }

  /** The sum of any number of tensors of one shape. */
  sum(values: readonly Value[]): Value {
    return values.slice(1).reduce((total, value) => this.add(total, value), values[0]!);
  }

  neg(x: Value): Value {
    return this.#unary('Neg', x);
  }

  abs(x: Value): Value {
    return this.#unary('Abs', x);
  }

  exp(x: Value): Value {
    return this.#unary('Exp', x);
  }

  log(x: Value): Value {
    return this.#unary('Log', x);
  }

  sqrt(x: Value): Value {
    return this.#unary('Sqrt', x);
  }

  relu(x: Value): Value {
    return this.#unary('Relu', x);
  }

  tanh(x: Value): Value {
    return this.#unary('Tanh', x);
  }

  leakyRelu(x: Value, alpha: number): Value {
    return this.#unary('LeakyRelu', x, { alpha: float(alpha) });
  }

  elu(x: Value, alpha: number): Value {
    return this.#unary('Elu', x, { alpha: float(alpha) });
  }

  /** x between two bounds. */
  clip(x: Value, low: number, high: number): Value {
    return this.op('Clip', [x, this.#operand(low), this.#operand(high)], {}, this.sizes(x));
  }

  /** 1 where x > 0, else 0: one pass that every execution provider has (x below 3e-39 counts as 0). */
  positive(x: Value): Value {
    return this.#unary('HardSigmoid', x, { alpha: float(3e38), beta: float(0) });
  }

  /** -1, 0 or 1. The operator Sign is not used: WebGPU lacks it. */
  sign(x: Value): Value {
    return this.clip(this.mul(x, 3e38), -1, 1);
  }

  isNaN(x: Value): Value {
    return this.#unary('IsNaN', x, {}, 'bool');
  }

  not(x: Value): Value {
    return this.#unary('Not', x);
  }

  and(a: Value, b: Value): Value {
    return this.#elementwise('And', [a, b], 'bool');
  }

  equal(a: Operand, b: Operand): Value {
    return this.#elementwise('Equal', [a, b], 'bool');
  }

  greater(a: Operand, b: Operand): Value {
    return this.#elementwise('Greater', [a, b], 'bool');
  }

  greaterEqual(a: Operand, b: Operand): Value {
    return this.#elementwise('GreaterOrEqual', [a, b], 'bool');
  }

  where(condition: Value, a: Operand, b: Operand): Value {
    const values = [condition, this.#operand(a), this.#operand(b)];
    return this.op('Where', values, {}, this.#broadcast(...values), values[1]!.dtype);
  }

  cast(x: Value, dtype: GraphDType): Value {
    if (x.dtype === dtype) return x;
    const codes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 };
    return this.#unary('Cast', x, { to: codes[dtype] }, dtype);
  }

  /** Truth as 0 and 1. */
  indicator(condition: Value): Value {
    return this.cast(condition, 'float32');
  }

  /** A float tensor of whole numbers, cut towards zero, as indices. */
  indices(x: Value): Value {
    return this.cast(x, 'int64');
  }

  // Shapes

  reshape(x: Value, shape: readonly number[]): Value {
    if (same(this.sizes(x), shape)) return x;
    return this.op('Reshape', [x, this.ints(shape)], { allowzero: 1 }, shape);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    const shape = this.sizes(x);
    if (perm.every((axis, i) => axis === i)) return x;
    const moved = perm.filter((axis) => shape[axis] !== 1);
    // Moving axes of size 1 moves no data.
    if (moved.every((axis, i) => i === 0 || moved[i - 1]! < axis)) {
      return this.reshape(
        x,
        perm.map((axis) => this.dims(x)[axis]!),
      );
    }
    return this.op(
      'Transpose',
      [x],
      { perm: [...perm] },
      perm.map((axis) => shape[axis]!),
    );
  }

  slice(x: Value, ranges: readonly SliceRange[]): Value {
    const shape = [...this.sizes(x)];
    const kept = ranges.filter(
      ([axis, start, end, step = 1]) => start !== 0 || end !== shape[axis] || step !== 1,
    );
    if (kept.length === 0) return x;
    for (const [axis, start, end, step = 1] of kept)
      shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    const part = (of: (r: SliceRange) => number): Value => this.ints(kept.map(of));
    return this.op(
      'Slice',
      [x, part((r) => r[1]), part((r) => r[2]), part((r) => r[0]), part((r) => r[3] ?? 1)],
      {},
      shape,
    );
  }

  /** Adds `before[i]` and `after[i]` elements of `value` on axis i; negative numbers cut. */
  pad(x: Value, before: readonly number[], after: readonly number[], value = 0): Value {
    const shape = this.dims(x);
    const cut = this.slice(
      x,
      shape.map((size, i) => [i, Math.max(0, -before[i]!), size - Math.max(0, -after[i]!)]),
    );
    const add = [...before, ...after].map((n) => Math.max(0, n));
    if (add.every((n) => n === 0)) return cut;
    const padded = this.dims(cut).map((size, i) => size + add[i]! + add[i + shape.length]!);
    return this.op('Pad', [cut, this.ints(add), this.#operand(value)], { mode: 'constant' }, padded);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0]!;
    const shape = [...this.sizes(values[0]!)];
    const along = values.map((value) => this.sizes(value)[axis]!);
    shape[axis] = along.includes(null as never) ? null : sum(along);
    return this.op('Concat', values, { axis }, shape);
  }

  split(x: Value, sizes: readonly number[], axis: number): Value[] {
    if (sizes.length === 1) return [x];
    const shape = this.sizes(x);
    return this.opMany(
      'Split',
      [x, this.ints(sizes)],
      { axis },
      sizes.map((size) => ({ shape: shape.map((old, i) => (i === axis ? size : old)) })),
    );
  }

  expand(x: Value, shape: readonly number[]): Value {
    if (same(this.sizes(x), shape)) return x;
    return this.op('Expand', [x, this.ints(shape)], {}, shape);
  }

  tile(x: Value, repeats: readonly number[]): Value {
    return this.op(
      'Tile',
      [x, this.ints(repeats)],
      {},
      this.dims(x).map((size, i) => size * repeats[i]!),
    );
  }

  gather(x: Value, indices: Value, axis: number): Value {
    const shape = this.sizes(x);
    const picked = [...shape.slice(0, axis), ...this.sizes(indices), ...shape.slice(axis + 1)];
    return this.op('Gather', [x, indices], { axis }, picked, x.dtype);
  }

  // Sums and products

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

  // Functions that are written out because the operator loses digits or is missing somewhere

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
