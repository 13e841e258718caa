/** Row stages: what is computed once a row, four rows at a time. */
import type { Expr, ScheduledOutput, Stage } from '@softxent/core/program';
import { bytesPerElement, type DType } from '@softxent/core';
import type { FunctionBody, Local } from '../emitter/function.js';
import { pipelineStages } from '../emitter/pipeline.js';
import { FusedElements, type RowRenderers } from './fused.js';
import type { KernelLayout, OutputForm } from './layout.js';
import { load, store, storeSome } from './loads.js';
import { scratch, StageFunction, type Cursor } from './stage.js';
import { SoftplusSum, splitTotal, summedProducts, TotalSum, vectorsPerSum } from './sums.js';
import type { ConstantPool, Target, Term } from './vectors.js';

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

/** A row stage as a function. */
export interface RowStage {
  readonly fn: FunctionBody;
  /** Whether totals come out as NaN where 0 * Infinity should have been 0: the careful function gives the right ones. */
  readonly isHasty: boolean;
}

/**
 * Writes the function of a row stage; undefined where there is nothing to do. `elementOutputs`: given for a stage that is
 * all stages of a plan in one. `careful`: without the savings that may make a total NaN.
 */
export function renderRowStage(
  name: string,
  { stage, elementOutputs }: { readonly stage: Stage; readonly elementOutputs?: readonly ScheduledOutput[] },
  layout: KernelLayout,
  pool: ConstantPool,
  target: Target,
  careful: boolean,
): RowStage | undefined {
  const isFused = elementOutputs !== undefined;
  const kept = isFused ? [] : stage.nodes.filter((e) => layout.stored.has(e));
  const ofElements = isFused ? [...layout.plan.reductions, ...elementOutputs].map(({ of }) => of) : [];
  const written = [...kept, ...stage.outputs.map(({ of }) => of)];
  const splits = stage.totals.map(({ of }) => splitTotal(of));
  const summed = splits.flatMap(({ rest, softplus }): Expr[] => [
    ...(rest === undefined ? [] : [rest]),
    ...(softplus === undefined ? [] : [softplus.tail, ...softplus.unless.map(({ condition }) => condition)]),
  ]);
  const roots = [...written, ...summed, ...ofElements];
  if (roots.length === 0) return undefined;
  const products = careful ? new Set<Expr>() : summedProducts(splits, [...written, ...ofElements]);
  const s = new StageFunction(name, layout, roots, pool, target, products);
  const { fn, v } = s;
  const own = new Set<Expr>(stage.nodes);
  const read = s.read(roots, stage);
  const reader = new RowReader(s, read);
  const fused = isFused ? new FusedElements(s, read, elementOutputs) : undefined;
  const outputs = stage.outputs.map((output) => ({
    of: output.of,
    ...outputCursor(s, layout.outputs.get(output.name)!),
  }));
  const cursors = [...reader.cursors, ...(fused?.cursors ?? []), ...outputs.map(({ cursor }) => cursor)];
  const sums = splits.map(({ rest, softplus }, i) => {
    const sum = new TotalSum(s, layout.totals[i]!);
    const tails = softplus === undefined ? undefined : new SoftplusSum(s, softplus, sum, layout.factors[i]!);
    return { rest, sum, tails };
  });
  const flush = (): void => {
    for (const { sum, tails } of sums) {
      tails?.flush();
      sum.flush();
    }
  };

  // All that is computed comes before all that is stored, so that the engine may mix the vectors' instructions: one
  // vector's alone wait for one another.
  const body = (vectors: number, some?: { lanes: Local; mask: Term }): void => {
    const all = Array.from({ length: vectors }, (_, vector): RowRenderers => {
      const leaves = (e: Expr): Term | undefined => reader.term(e, own, vector);
      return fused?.renderers(vector, leaves) ?? { row: s.renderer(leaves), elements: [] };
    });
    const renderers = all.map(({ row }) => row);
    const writes = all.map((each, vector) => fused?.outputs(vector, each, some?.lanes));
    const results = renderers.map((renderer) => new Map(written.map((e) => [e, renderer.term(e)])));
    const summands = sums.map(({ rest }) =>
      rest === undefined ? [] : renderers.map((renderer) => renderer.term(rest)),
    );
    for (const { tails } of sums) {
      if (tails !== undefined) for (const renderer of renderers) tails.add(renderer, some?.mask);
    }
    for (const write of writes) write?.();
    for (const [vector, terms] of results.entries()) {
      for (const e of kept) s.store(terms.get(e)!, reader.arrays, layout.stored.get(e)! + 16 * vector);
      for (const { of, dtype, cursor } of outputs) {
        if (some === undefined) store(v, dtype, terms.get(of)!, cursor.local, vector * cursor.step);
        else storeSome(v, dtype, terms.get(of)!, cursor.local, 0, some.lanes);
      }
    }
    for (const [i, { sum }] of sums.entries()) {
      const parts = summands[i]!;
      if (parts.length === 0) continue;
      const total = parts.reduce((a, b) => v.add(a, b));
      sum.add(some === undefined ? total : v.and(total, some.mask));
    }
  };

  // Two vectors at a time where the tile is all that there is, and three times two of them under way; what is left goes
  // through the masked loop.
  const unroll = layout.geometry.arrangement === 'rows' || isFused ? 2 : 1;
  const pipeline = unroll === 2 && !careful ? s.pipeline(cursors, unroll, () => body(unroll)) : undefined;
  const steps = fn.local('i32');
  const lanes = fn.local('i32');
  fn.get(s.count)
    .i32(unroll === 2 ? 3 : 2)
    .op('i32.shr_u')
    .set(steps);
  if (pipeline !== undefined) {
    fn.get(steps).i32(0).get(steps).i32(pipelineStages).op('i32.ge_u').op('select').set(steps);
  }
  fn.get(s.count)
    .get(steps)
    .i32(4 * unroll)
    .op('i32.mul')
    .op('i32.sub')
    .set(lanes);
  const inChunks = (step: () => void): void => {
    const chunk = fn.local('i32');
    const longest = vectorsPerSum / unroll;
    fn.block((exit) => {
      fn.loop((again) => {
        fn.get(steps).op('i32.eqz');
        exit();
        fn.get(steps).i32(longest).get(steps).i32(longest).op('i32.lt_u').op('select').set(chunk);
        fn.get(steps).get(chunk).op('i32.sub').set(steps);
        s.repeat(chunk, step);
        flush();
        fn.i32(1);
        again();
      });
    });
  };
  if (pipeline !== undefined) {
    fn.get(steps).ifThen(() => {
      pipeline.fill();
      fn.get(steps)
        .i32(pipelineStages - 1)
        .op('i32.sub')
        .set(steps);
      inChunks(() => pipeline.steady());
      pipeline.drain();
      flush();
    });
  } else {
    inChunks(() => {
      body(unroll);
      s.advance(cursors, unroll);
    });
  }
  fn.get(lanes);
  fn.ifThen(() => {
    fn.loop((again) => {
      body(1, { lanes, mask: s.laneMask(lanes) });
      s.advance(cursors);
      // lanes = max(lanes - 4, 0)
      fn.get(lanes).i32(4).op('i32.sub').i32(0).get(lanes).i32(4).op('i32.gt_u').op('select').tee(lanes);
      again();
    });
    flush();
  });
  for (const { sum, tails } of sums) {
    tails?.finish();
    sum.finish();
  }
  return { fn, isHasty: s.isHasty };
}
