import type { Value } from '@softxent/backend-onnx/graph';
import { ElementwiseGraph } from './elementwise.js';
import type { Dims } from './nodes.js';

/** `[axis, start, end]` or `[axis, start, end, step]`; starts and ends count from the front. */
export type SliceRange = readonly [axis: number, start: number, end: number, step?: number];

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const same = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/** Operators that move data. What moves nothing makes no node. */
export class ShapeGraph extends ElementwiseGraph {
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
    return this.op('Pad', [cut, this.ints(add), this.operand(value)], { mode: 'constant' }, padded);
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
}
