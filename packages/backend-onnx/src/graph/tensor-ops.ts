import { tensorAttribute, type Value } from './builder-base.js';
import { ElementwiseOps } from './elementwise.js';
import {
  concatShape,
  matMulShape,
  normalizeAxis,
  reduceShape,
  reshapeShape,
  showShape,
  sliceDim,
} from './shapes.js';
import { GraphError, type Dim, type GraphDType, type Shape } from './types.js';

/** Options of reductions. */
export interface ReduceOptions {
  /** Keep reduced axes with size 1. Default true, as ONNX. */
  keepdims?: boolean;
}

/** One axis of {@link TensorOps.slice}. */
export interface SliceRange {
  axis: number;
  /** First position; negative counts from the end. Default 0 (the last position where `step` is negative). */
  start?: number;
  /** First position that is not taken. Default: all the rest. */
  end?: number;
  /** Default 1. */
  step?: number;
}

/** Far enough for any tensor; ONNX clamps it. */
const FAR = 2 ** 31 - 1;

/** Operators that reduce, multiply matrices, or move elements. */
export class TensorOps extends ElementwiseOps {
  /** The sum over `axes` (all where none are given). Float32 sums on ONNX Runtime are plain: keep rows short. */
  reduceSum(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceSum', x, axes, options);
  }
  /** The mean over `axes`. */
  reduceMean(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceMean', x, axes, options);
  }
  /** The largest over `axes`. */
  reduceMax(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceMax', x, axes, options);
  }
  /** The smallest over `axes`. */
  reduceMin(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceMin', x, axes, options);
  }
  /** The product over `axes`. */
  reduceProd(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceProd', x, axes, options);
  }
  /** The sum of squares over `axes`. */
  reduceSumSquare(x: Value, axes?: readonly number[], options: ReduceOptions = {}): Value {
    return this.#reduce('ReduceSumSquare', x, axes, options);
  }
  /** The position (int64) of the largest along one axis, the first of equals. */
  argMax(x: Value, axis: number, options: ReduceOptions = {}): Value {
    const keepdims = options.keepdims ?? true;
    return this.op(
      'ArgMax',
      [x],
      { axis, keepdims: Number(keepdims) },
      { dtype: 'int64', shape: reduceShape(x.shape, [axis], keepdims, 'ArgMax') },
    );
  }
  /** Running sums along one axis. */
  cumSum(x: Value, axis: number, options: { exclusive?: boolean; reverse?: boolean } = {}): Value {
    return this.op(
      'CumSum',
      [x, this.constant('int64', [axis], [])],
      { exclusive: Number(options.exclusive ?? false), reverse: Number(options.reverse ?? false) },
      { shape: x.shape },
    );
  }

  /** Matrix product, batched over leading axes, as numpy's matmul. */
  matMul(a: Value, b: Value): Value {
    this.sameDType('MatMul', [a, b]);
    return this.op('MatMul', [a, b], {}, { shape: matMulShape(a.shape, b.shape) });
  }
  /** A B + C of two matrices, each transposed where asked; C broadcasts. */
  gemm(
    a: Value,
    b: Value,
    c: Value | null = null,
    options: { transA?: boolean; transB?: boolean } = {},
  ): Value {
    this.sameDType('Gemm', c === null ? [a, b] : [a, b, c]);
    const rows = a.shape?.[options.transA ? 1 : 0] ?? null;
    const columns = b.shape?.[options.transB ? 0 : 1] ?? null;
    return this.op(
      'Gemm',
      [a, b, c],
      { transA: Number(options.transA ?? false), transB: Number(options.transB ?? false) },
      { shape: [rows, columns] },
    );
  }

  /**
   * The same elements in another shape. In a list of numbers 0 copies the operand's size at that place (of use where it is only
   * known by name) and one -1 takes what is left. Give `shape` where the sizes are a value of the graph.
   */
  reshape(x: Value, to: readonly number[] | Value, shape?: Shape): Value {
    if ('dtype' in to) return this.op('Reshape', [x, to], {}, { shape: shape ?? null });
    return this.op('Reshape', [x, this.ints(to)], {}, { shape: shape ?? reshapeShape(x.shape, to) });
  }
  /** Axes in another order: axis i of the result is axis `perm[i]` of x. Default: reversed. */
  transpose(x: Value, perm?: readonly number[]): Value {
    const order = perm ?? (x.shape === null ? undefined : x.shape.map((_, i) => i).toReversed());
    const { shape: old } = x;
    if (
      old !== null &&
      order !== undefined &&
      (order.length !== old.length || new Set(order).size !== old.length)
    ) {
      throw new GraphError(
        `Transpose: [${order.join(', ')}] is no permutation of the axes of ${showShape(old)}`,
      );
    }
    const shape = old === null || order === undefined ? null : order.map((axis) => old[axis] ?? null);
    return this.op('Transpose', [x], { perm: order }, { shape });
  }
  /** Values one behind the other along `axis`. */
  concat(values: readonly Value[], axis: number): Value {
    this.sameDType('Concat', values);
    return this.op(
      'Concat',
      values,
      { axis },
      {
        shape: concatShape(
          values.map((value) => value.shape),
          axis,
        ),
      },
    );
  }
  /** Pieces of the given sizes along `axis`. */
  split(x: Value, sizes: readonly number[], axis: number): Value[] {
    return this.opMany(
      'Split',
      [x, this.ints(sizes)],
      { axis },
      sizes.map((size) => ({ shape: replaced(x.shape, axis, size, 'Split') })),
    );
  }
  /** The elements inside the ranges; axes that are not named are whole. */
  slice(x: Value, ranges: readonly SliceRange[]): Value {
    const starts = ranges.map(({ start, step = 1 }) => start ?? (step < 0 ? FAR : 0));
    const ends = ranges.map(({ end, step = 1 }) => end ?? (step < 0 ? -FAR : FAR));
    const steps = ranges.map(({ step = 1 }) => step);
    const axes = ranges.map(({ axis }) => axis);
    let shape = x.shape;
    ranges.forEach(({ axis }, i) => {
      if (shape === null) return;
      shape = replaced(
        shape,
        axis,
        sliceDim(shape[normalizeAxis(axis, shape.length, 'Slice')] ?? null, starts[i]!, ends[i]!, steps[i]!),
        'Slice',
      );
    });
    const inputs = [x, this.ints(starts), this.ints(ends), this.ints(axes)];
    if (steps.some((step) => step !== 1)) inputs.push(this.ints(steps));
    return this.op('Slice', inputs, {}, { shape });
  }
  /**
   * x with `pads` elements around it: the begins of all axes, then the ends. `value` is used by mode constant (default 0). Where the pads are
   * a value of the graph, the result's sizes are not known.
   */
  pad(
    x: Value,
    pads: readonly number[] | Value,
    options: { mode?: 'constant' | 'reflect' | 'edge'; value?: number } = {},
  ): Value {
    const value = options.value === undefined ? null : this.scalar(options.value, x.dtype);
    if ('dtype' in pads) {
      return this.op(
        'Pad',
        [x, pads, value],
        { mode: options.mode },
        { shape: x.shape?.map(() => null) ?? null },
      );
    }
    const rank = pads.length / 2;
    const shape = x.shape?.map((dim, i) => {
      const extra = (pads[i] ?? 0) + (pads[i + rank] ?? 0);
      return extra === 0 ? dim : typeof dim === 'number' ? dim + extra : null;
    });
    return this.op('Pad', [x, this.ints(pads), value], { mode: options.mode }, { shape: shape ?? null });
  }
  /** Whole slices of x at `indices` (int64 or int32) along `axis`. */
  gather(x: Value, indices: Value, axis = 0): Value {
    const { shape } = x;
    const at = shape === null ? 0 : normalizeAxis(axis, shape.length, 'Gather');
    const result =
      shape === null || indices.shape === null
        ? null
        : [...shape.slice(0, at), ...indices.shape, ...shape.slice(at + 1)];
    return this.op('Gather', [x, indices], { axis }, { shape: result });
  }
  /** The elements of x whose position along `axis` is in `indices`. */
  gatherElements(x: Value, indices: Value, axis = 0): Value {
    return this.op('GatherElements', [x, indices], { axis }, { shape: indices.shape });
  }
  /** x with `updates` put (or added) at the positions `indices` along `axis`. */
  scatterElements(
    x: Value,
    indices: Value,
    updates: Value,
    options: { axis?: number; reduction?: 'none' | 'add' } = {},
  ): Value {
    return this.op(
      'ScatterElements',
      [x, indices, updates],
      { axis: options.axis ?? 0, reduction: options.reduction },
      { shape: x.shape },
    );
  }
  /** x without the axes (of size 1). */
  squeeze(x: Value, axes: readonly number[]): Value {
    const { shape } = x;
    const gone = new Set(
      shape === null ? [] : axes.map((axis) => normalizeAxis(axis, shape.length, 'Squeeze')),
    );
    return this.op(
      'Squeeze',
      [x, this.ints(axes)],
      {},
      { shape: shape?.filter((_, i) => !gone.has(i)) ?? null },
    );
  }
  /** x with new axes of size 1 at these places of the result. */
  unsqueeze(x: Value, axes: readonly number[]): Value {
    let shape: Dim[] | null = null;
    if (x.shape !== null) {
      const rank = x.shape.length + axes.length;
      const added = new Set(axes.map((axis) => normalizeAxis(axis, rank, 'Unsqueeze')));
      const rest = [...x.shape];
      shape = Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : (rest.shift() ?? null)));
    }
    return this.op('Unsqueeze', [x, this.ints(axes)], {}, { shape });
  }
  /** x broadcast to sizes that are numbers or a value of the graph. */
  expand(x: Value, to: readonly number[] | Value, shape?: Shape): Value {
    if ('dtype' in to) return this.op('Expand', [x, to], {}, { shape: shape ?? null });
    return this.op('Expand', [x, this.ints(to)], {}, { shape: shape ?? to });
  }
  /** x repeated along every axis. */
  tile(x: Value, repeats: readonly number[]): Value {
    const shape = x.shape?.map((dim, i) =>
      typeof dim === 'number' ? dim * (repeats[i] ?? 1) : repeats[i] === 1 ? dim : null,
    );
    return this.op('Tile', [x, this.ints(repeats)], {}, { shape: shape ?? null });
  }
  /** x as a matrix: axes before `axis`, axes from it on. */
  flatten(x: Value, axis = 1): Value {
    const product = (dims: readonly Dim[]): Dim =>
      dims.length === 1
        ? dims[0]!
        : dims.reduce<number | null>(
            (total, dim) => (typeof dim === 'number' && total !== null ? total * dim : null),
            1,
          );
    const shape = x.shape === null ? null : [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))];
    return this.op('Flatten', [x], { axis }, { shape });
  }
  /** The sizes of x as int64. ONNX Runtime computes what depends on it on the CPU: an error where other providers must not fall back. */
  shapeOf(x: Value): Value {
    return this.op('Shape', [x], {}, { dtype: 'int64', shape: [x.shape === null ? null : x.shape.length] });
  }
  /** A tensor of the sizes in `shape` (int64), filled with one number. Not on ONNX Runtime's WebGPU provider. */
  constantOfShape(shape: Value, value: number, dtype: GraphDType = 'float32'): Value {
    return this.op('ConstantOfShape', [shape], { value: tensorAttribute(dtype, [value]) }, { dtype });
  }
  /** [N, C, H, W] to [N, C b b, H/b, W/b]; channel (i b + j) C + c holds rows i and columns j of every block. Not on ONNX Runtime's WebGPU provider. */
  spaceToDepth(x: Value, blocksize: number): Value {
    const [n = null, c = null, h = null, w = null] = x.shape ?? [];
    const times = (dim: Dim, factor: number): Dim => (typeof dim === 'number' ? dim * factor : null);
    const shape =
      x.shape === null
        ? null
        : [n, times(c, blocksize ** 2), times(h, 1 / blocksize), times(w, 1 / blocksize)];
    return this.op('SpaceToDepth', [x], { blocksize }, { shape });
  }
  /** The inverse of {@link spaceToDepth} (mode DCR), or with channels first (CRD: PyTorch's pixel shuffle). */
  depthToSpace(x: Value, blocksize: number, mode: 'DCR' | 'CRD' = 'DCR'): Value {
    const [n = null, c = null, h = null, w = null] = x.shape ?? [];
    const times = (dim: Dim, factor: number): Dim => (typeof dim === 'number' ? dim * factor : null);
    const shape =
      x.shape === null ? null : [n, times(c, blocksize ** -2), times(h, blocksize), times(w, blocksize)];
    return this.op('DepthToSpace', [x], { blocksize, mode }, { shape });
  }

  #reduce(opType: string, x: Value, axes: readonly number[] | undefined, options: ReduceOptions): Value {
    const keepdims = options.keepdims ?? true;
    const output = { shape: reduceShape(x.shape, axes, keepdims, opType) };
    if (axes === undefined) return this.op(opType, [x], { keepdims: Number(keepdims) }, output);
    // An empty list of axes reduces nothing; ONNX would read it as "all".
    if (axes.length === 0) return this.identity(x);
    // Before opset 18 the axes are an attribute, except for ReduceSum.
    if (this.options.opset < 18 && opType !== 'ReduceSum') {
      return this.op(opType, [x], { keepdims: Number(keepdims), axes }, output);
    }
    return this.op(opType, [x, this.ints(axes)], { keepdims: Number(keepdims) }, output);
  }
}

function replaced(shape: Shape, axis: number, dim: Dim, what: string): Shape {
  if (shape === null) return null;
  const at = normalizeAxis(axis, shape.length, what);
  return shape.map((old, i) => (i === at ? dim : old));
}
