/** Element stages whose lanes run along a contiguous row. */
import { bytesPerElement } from '@softxent/core';
import type { Expr, NumberExpr, Reduction, Stage } from '@softxent/core/program';
import type { FunctionBody, Local } from '../emitter/function.js';
import type { KernelLayout, OperandForm, OutputForm, ReductionForm } from './layout.js';
import { load, loadSplat, store, storeSome } from './loads.js';
import { scratch, StageFunction, type Cache, type Cursor } from './stage.js';
import { TotalSum } from './sums.js';
import type { ConstantPool, Target, Term } from './vectors.js';

/** Pairs of vectors that are added up in float32 before their sum goes to float64. */
const pairsPerSum = 16;

interface Operand {
  readonly form: OperandForm;
  /** Address of the row. */
  readonly base: Local;
  readonly cursor: Cursor;
}

interface Output {
  readonly of: NumberExpr;
  readonly form: OutputForm;
  readonly base: Local;
  readonly cursor: Cursor;
}

interface Accumulator {
  readonly reduction: Reduction;
  readonly form: ReductionForm;
  /** Sums. */
  readonly sum: TotalSum | undefined;
  /** Maxima: the greatest and whether there was a NaN. */
  readonly most: Local;
  readonly nan: Local;
}

export function renderLinesStage(
  index: number,
  stage: Stage,
  layout: KernelLayout,
  pool: ConstantPool,
  target: Target,
): FunctionBody {
  return new LinesStage(index, stage, layout, pool, target).render();
}

class LinesStage {
  readonly #s: StageFunction;
  readonly #own: ReadonlySet<Expr>;
  readonly #read: readonly Expr[];
  readonly #operands = new Map<string, Operand>();
  readonly #rowOperands = new Map<string, Cursor>();
  readonly #outputs: readonly Output[];
  readonly #caches: readonly Cache[];
  readonly #accumulators: readonly Accumulator[];
  /** Pointer to the row's number in each scratch array. */
  readonly #row: Local;
  readonly #position: Local | undefined;

  constructor(index: number, stage: Stage, layout: KernelLayout, pool: ConstantPool, target: Target) {
    const roots = [...stage.reductions, ...stage.outputs].map(({ of }) => of);
    const s = new StageFunction(`stage${index}`, layout, roots, pool, target);
    const { fn } = s;
    this.#s = s;
    this.#own = new Set<Expr>(stage.nodes);
    this.#read = s.read(roots, stage);
    this.#row = s.copy(scratch);
    for (const e of this.#read) {
      if (e.op !== 'operand') continue;
      const form = layout.operands.get(e.name)!;
      const size = bytesPerElement(form.dtype);
      const base = s.address(form.index);
      if (layout.levelOf(e) === 'row') this.#rowOperands.set(e.name, { local: base, step: size });
      else {
        this.#operands.set(e.name, { form, base, cursor: { local: fn.local('i32'), step: 4 * size } });
      }
    }
    this.#outputs = stage.outputs.map((output) => {
      const form = layout.outputs.get(output.name)!;
      const cursor = { local: fn.local('i32'), step: 4 * bytesPerElement(form.dtype) };
      return { of: output.of, form, base: s.address(form.index), cursor };
    });
    this.#caches = s.caches(stage);
    this.#accumulators = stage.reductions.map((reduction) => ({
      reduction,
      form: layout.reductions.get(reduction.name)!,
      sum: reduction.op === 'sum' ? new TotalSum(s, 0) : undefined,
      most: fn.local('v128'),
      nan: fn.local('v128'),
    }));
    this.#position = this.#read.some((e) => e.op === 'position') ? fn.local('v128') : undefined;
  }

  render(): FunctionBody {
    const s = this.#s;
    const { fn } = s;
    const rows = s.copy(s.count);
    s.repeat(rows, () => {
      this.#line();
      s.increase(this.#row, 4);
      for (const { local, step } of this.#rowOperands.values()) s.increase(local, step);
      for (const { base, form } of [...this.#operands.values(), ...this.#outputs, ...this.#caches]) {
        s.increase(base, form.stride);
      }
    });
    return fn;
  }

  #line(): void {
    const s = this.#s;
    const { fn, v } = s;
    const { extent } = s.layout.geometry;
    const moving = [...this.#operands.values(), ...this.#outputs, ...this.#caches];
    for (const { base, cursor } of moving) fn.get(base).set(cursor.local);
    const rowTerms = new Map<Expr, Term>();
    for (const e of this.#read) {
      const term = this.#rowTerm(e);
      if (term !== undefined) rowTerms.set(e, v.let(term));
    }
    for (const { sum, most, nan } of this.#accumulators) {
      if (sum !== undefined) sum.reset();
      else {
        v.constant(-Infinity)();
        fn.set(most);
        v.constant(0)();
        fn.set(nan);
      }
    }
    if (this.#position !== undefined) {
      const lanes = [0, 1, 2, 3].flatMap((lane) => [lane, 0, 0, 0]);
      fn.op('v128.const', ...lanes)
        .op('f32x4.convert_i32x4_s')
        .set(this.#position);
    }

    const pairs = Math.floor(extent / 8);
    if (pairs > 0) this.#pairs(pairs, moving, rowTerms);
    const rest = extent % 8;
    if (rest >= 4) {
      this.#vectors(1, rowTerms);
      this.#advance(moving, 1);
    }
    if (rest % 4 > 0) {
      const lanes = fn.local('i32');
      fn.i32(rest % 4).set(lanes);
      this.#vectors(1, rowTerms, { count: lanes, mask: s.laneMask(lanes) });
    }
    if (rest > 0) for (const { sum } of this.#accumulators) sum?.flush();
    for (const accumulator of this.#accumulators) this.#finish(accumulator);
  }

  #advance(moving: readonly { readonly cursor: Cursor }[], vectors: number): void {
    const { fn, v } = this.#s;
    this.#s.advance(
      moving.map(({ cursor }) => cursor),
      vectors,
    );
    if (this.#position === undefined) return;
    v.add(v.local(this.#position), v.constant(4 * vectors))();
    fn.set(this.#position);
  }

  #pairs(
    pairs: number,
    moving: readonly { readonly cursor: Cursor }[],
    rowTerms: ReadonlyMap<Expr, Term>,
  ): void {
    const s = this.#s;
    const { fn } = s;
    const left = fn.local('i32');
    const chunk = fn.local('i32');
    fn.i32(pairs).set(left);
    fn.loop((again) => {
      fn.get(left).i32(pairsPerSum).get(left).i32(pairsPerSum).op('i32.lt_u').op('select').set(chunk);
      fn.get(left).get(chunk).op('i32.sub').set(left);
      s.repeat(chunk, () => {
        this.#vectors(2, rowTerms);
        this.#advance(moving, 2);
      });
      for (const { sum } of this.#accumulators) sum?.flush();
      fn.get(left);
      again();
    });
  }

  #rowTerm(e: Expr): Term | undefined {
    const { layout, v } = this.#s;
    if (e.op === 'operand') {
      const cursor = this.#rowOperands.get(e.name);
      if (cursor === undefined) return undefined;
      return loadSplat(v, layout.operands.get(e.name)!.dtype, cursor.local);
    }
    const offset = e.op === 'reduction' ? layout.reductions.get(e.name)!.value : layout.stored.get(e);
    if (offset === undefined || this.#own.has(e)) return undefined;
    return loadSplat(v, 'float32', this.#row, offset);
  }

  /** One or more vectors of the row, from the cursors on. */
  #vectors(count: number, rowTerms: ReadonlyMap<Expr, Term>, some?: { count: Local; mask: Term }): void {
    const s = this.#s;
    const { fn, v } = s;
    const read = new Map(this.#caches.filter((cache) => !cache.isWritten).map((cache) => [cache.of, cache]));
    const renderers = Array.from({ length: count }, (_, j) =>
      s.renderer((e) => {
        if (e.op === 'position') return v.let(v.add(v.local(this.#position!), v.constant(4 * j)));
        const cache = read.get(e);
        if (cache !== undefined) return v.let(load(v, 'float32', cache.cursor.local, 16 * j));
        const operand = e.op === 'operand' ? this.#operands.get(e.name) : undefined;
        if (operand === undefined) return rowTerms.get(e);
        const { form, cursor } = operand;
        return v.let(load(v, form.dtype, cursor.local, j * cursor.step));
      }),
    );
    for (const { reduction, sum, most, nan } of this.#accumulators) {
      const values = renderers.map((renderer) => renderer.term(reduction.of));
      if (sum !== undefined) {
        const total = values.reduce((a, b) => v.add(a, b));
        sum.add(some === undefined ? total : v.and(total, some.mask));
        continue;
      }
      for (const value of values) {
        const masked = some === undefined ? value : v.let(v.select(some.mask, value, v.constant(-Infinity)));
        v.pmax(v.local(most), masked)();
        fn.set(most);
        v.or(v.local(nan), v.binary('f32x4.ne', masked, masked))();
        fn.set(nan);
      }
    }
    // All that is computed comes before all that is stored: the engine may then mix the vectors' instructions.
    const results = this.#outputs.map(({ of }) => renderers.map((renderer) => renderer.term(of)));
    for (const { of, cursor, isWritten } of this.#caches) {
      if (!isWritten) continue;
      for (const [j, renderer] of renderers.entries()) s.store(renderer.term(of), cursor.local, 16 * j);
    }
    for (const [i, { form, cursor }] of this.#outputs.entries()) {
      for (const [j, value] of results[i]!.entries()) {
        if (some === undefined) store(v, form.dtype, value, cursor.local, j * cursor.step);
        else storeSome(v, form.dtype, value, cursor.local, 0, some.count);
      }
    }
  }

  /** Brings the four lanes together and puts the result into the reduction's array. */
  #finish({ form, sum, most, nan }: Accumulator): void {
    const s = this.#s;
    const { fn, v } = s;
    if (sum !== undefined) {
      fn.get(this.#row);
      sum.value();
      fn.op('f32.demote_f64').memory('f32.store', form.value);
      return;
    }
    let result = v.let(v.or(v.local(most), v.local(nan)));
    // max, not pmax: a NaN in any lane is the result.
    for (const lanes of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ] as const) {
      result = v.let(v.binary('f32x4.max', result, v.shuffle(result, result, lanes)));
    }
    fn.get(this.#row);
    result();
    fn.op('f32x4.extract_lane', 0).memory('f32.store', form.value);
  }
}
