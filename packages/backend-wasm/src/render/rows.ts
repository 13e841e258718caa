/** Row stages: what is computed once a row, four rows at a time. */
import type { Expr, Stage } from '@softxent/core/program';
import { bytesPerElement, type DType } from '@softxent/core';
import type { FunctionBody, Local } from '../emitter/function.js';
import type { KernelLayout, OutputForm } from './layout.js';
import { load, store, storeSome } from './loads.js';
import { scratch, StageFunction, type Cursor } from './stage.js';
import type { ConstantPool, Target, Term } from './vectors.js';

/** Vectors that are added up in float32 before their sum goes to float64. */
const vectorsPerSum = 32;

/** Reads row values, four rows at a time. */
export class RowReader {
  readonly cursors: readonly Cursor[];
  /** Pointer to the tile's arrays in scratch memory. */
  readonly #arrays: Cursor;
  readonly #operands: ReadonlyMap<string, Cursor>;
  readonly #stage: StageFunction;

  constructor(stage: StageFunction, read: readonly Expr[]) {
    this.#stage = stage;
    this.#arrays = { local: stage.copy(scratch), step: 16 };
    const operands = new Map<string, Cursor>();
    for (const e of read) {
      if (e.op !== 'operand' || stage.layout.levelOf(e) !== 'row') continue;
      const form = stage.layout.operands.get(e.name)!;
      operands.set(e.name, { local: stage.address(form.index), step: 4 * bytesPerElement(form.dtype) });
    }
    this.#operands = operands;
    this.cursors = [this.#arrays, ...operands.values()];
  }

  get arrays(): Local {
    return this.#arrays.local;
  }

  /** The value of a row-level leaf, `vector` vectors after the cursors; undefined for what is to be computed. */
  term(e: Expr, computedHere: ReadonlySet<Expr>, vector = 0): Term | undefined {
    const { layout, v } = this.#stage;
    if (e.op === 'operand') {
      const cursor = this.#operands.get(e.name);
      if (cursor === undefined) return undefined;
      const { dtype } = layout.operands.get(e.name)!;
      return v.let(load(v, dtype, cursor.local, vector * cursor.step));
    }
    const at = (offset: number): Term => load(v, 'float32', this.arrays, offset + 16 * vector);
    if (e.op === 'reduction') {
      const { value, extra } = layout.reductions.get(e.name)!;
      const isMax = layout.plan.reductions.some((r) => r.name === e.name && r.op === 'max');
      return v.let(isMax && extra !== undefined ? v.or(at(value), at(extra)) : at(value));
    }
    const stored = layout.stored.get(e);
    return stored === undefined || computedHere.has(e) ? undefined : v.let(at(stored));
  }
}

function outputCursor(s: StageFunction, { index, plan }: OutputForm): { dtype: DType; cursor: Cursor } {
  const cursor = { local: s.address(index), step: 4 * bytesPerElement(plan.dtype) };
  return { dtype: plan.dtype, cursor };
}

/** Writes the function of a row stage; undefined where there is nothing to do. */
export function renderRowStage(
  name: string,
  stage: Stage,
  layout: KernelLayout,
  pool: ConstantPool,
  target: Target,
): FunctionBody | undefined {
  const kept = stage.nodes.filter((e) => layout.stored.has(e));
  const wanted = [...stage.outputs, ...stage.totals].map(({ of }) => of);
  const roots = [...kept, ...wanted];
  if (roots.length === 0) return undefined;
  const s = new StageFunction(name, layout, roots, pool, target);
  const { fn, v } = s;
  const own = new Set<Expr>(stage.nodes);
  const reader = new RowReader(s, s.read(roots, stage));
  const outputs = stage.outputs.map((output) => ({
    of: output.of,
    ...outputCursor(s, layout.outputs.get(output.name)!),
  }));
  const cursors = [...reader.cursors, ...outputs.map(({ cursor }) => cursor)];
  const sums = stage.totals.map(({ of }, i) => ({ of, sum: new TotalSum(s, layout.totals[i]!) }));

  // All that is computed comes before all that is stored, so that the engine may mix the vectors' instructions: one
  // vector's alone wait for one another.
  const body = (vectors: number, some?: { lanes: Local; mask: Term }): void => {
    const results = Array.from({ length: vectors }, (_, vector) => {
      const renderer = s.renderer((e) => reader.term(e, own, vector));
      return new Map(roots.map((e) => [e, renderer.term(e)]));
    });
    for (const [vector, terms] of results.entries()) {
      for (const e of kept) s.store(terms.get(e)!, reader.arrays, layout.stored.get(e)! + 16 * vector);
      for (const { of, dtype, cursor } of outputs) {
        if (some === undefined) store(v, dtype, terms.get(of)!, cursor.local, vector * cursor.step);
        else storeSome(v, dtype, terms.get(of)!, cursor.local, 0, some.lanes);
      }
    }
    for (const { of, sum } of sums) {
      const parts = results.map((terms) => terms.get(of)!);
      const total = parts.reduce((a, b) => v.add(a, b));
      sum.add(some === undefined ? total : v.and(total, some.mask));
    }
  };

  // Two vectors at a time where the tile is all that there is; what is left goes through the masked loop.
  const unroll = layout.geometry.arrangement === 'rows' ? 2 : 1;
  const steps = fn.local('i32');
  const chunk = fn.local('i32');
  fn.get(s.count)
    .i32(unroll === 2 ? 3 : 2)
    .op('i32.shr_u')
    .set(steps);
  fn.block((exit) => {
    fn.loop((again) => {
      fn.get(steps).op('i32.eqz');
      exit();
      const longest = vectorsPerSum / unroll;
      fn.get(steps).i32(longest).get(steps).i32(longest).op('i32.lt_u').op('select').set(chunk);
      fn.get(steps).get(chunk).op('i32.sub').set(steps);
      s.repeat(chunk, () => {
        body(unroll);
        s.advance(cursors, unroll);
      });
      for (const { sum } of sums) sum.flush();
      fn.i32(1);
      again();
    });
  });
  const lanes = fn.local('i32');
  fn.get(s.count)
    .i32(4 * unroll - 1)
    .op('i32.and')
    .set(lanes);
  fn.block((exit) => {
    fn.loop((again) => {
      fn.get(lanes).op('i32.eqz');
      exit();
      body(1, { lanes, mask: s.laneMask(lanes) });
      for (const { sum } of sums) sum.flush();
      s.advance(cursors);
      // lanes = max(lanes - 4, 0)
      fn.get(lanes).i32(4).op('i32.sub').i32(0).get(lanes).i32(4).op('i32.gt_u').op('select').set(lanes);
      fn.i32(1);
      again();
    });
  });
  for (const { sum } of sums) sum.finish();
  return fn;
}

/** A sum of vectors: float32 for a while, then float64, and at last one number in scratch memory. */
export class TotalSum {
  readonly #stage: StageFunction;
  readonly #offset: number;
  readonly #partial: Local;
  readonly #low: Local;
  readonly #high: Local;

  constructor(stage: StageFunction, offset: number) {
    this.#stage = stage;
    this.#offset = offset;
    this.#partial = stage.fn.local('v128');
    this.#low = stage.fn.local('v128');
    this.#high = stage.fn.local('v128');
  }

  add(value: Term): void {
    const { fn } = this.#stage;
    fn.get(this.#partial);
    value();
    fn.op('f32x4.add').set(this.#partial);
  }

  flush(): void {
    const { fn, v } = this.#stage;
    const partial = v.local(this.#partial);
    fn.get(this.#low).get(this.#partial).op('f64x2.promote_low_f32x4').op('f64x2.add').set(this.#low);
    fn.get(this.#high);
    v.shuffle(partial, partial, [2, 3, 2, 3])();
    fn.op('f64x2.promote_low_f32x4').op('f64x2.add').set(this.#high);
    v.constant(0)();
    fn.set(this.#partial);
  }

  /** Leaves the sum on the stack as a float64. */
  value(): void {
    const { fn } = this.#stage;
    fn.get(this.#low).get(this.#high).op('f64x2.add').tee(this.#low).op('f64x2.extract_lane', 0);
    fn.get(this.#low).op('f64x2.extract_lane', 1).op('f64.add');
  }

  /** Adds the sum to the number in scratch memory. */
  finish(): void {
    const { fn } = this.#stage;
    fn.get(scratch).get(scratch).memory('f64.load', this.#offset);
    this.value();
    fn.op('f64.add').memory('f64.store', this.#offset);
  }

  /** Starts anew, for functions that keep several sums after one another. */
  reset(): void {
    const { fn, v } = this.#stage;
    for (const local of [this.#partial, this.#low, this.#high]) {
      v.constant(0)();
      fn.set(local);
    }
  }
}
