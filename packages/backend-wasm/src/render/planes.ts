/** Element stages whose lanes are neighbouring rows: positions along the extent outside, rows inside. */
import { bytesPerElement } from '@softxent/core';
import type { Expr, NumberExpr, Reduction, Stage } from '@softxent/core/program';
import type { FunctionBody, Local } from '../emitter/function.js';
import {
  groupSize,
  type KernelLayout,
  type OperandForm,
  type OutputForm,
  type ReductionForm,
} from './layout.js';
import { load, loadSplat, store, storeSome } from './loads.js';
import { RowReader } from './rows.js';
import { scratch, StageFunction, type Cache, type Cursor } from './stage.js';
import { pairwise, type ConstantPool, type Target, type Term } from './vectors.js';

interface Operand {
  readonly form: OperandForm;
  /** Address at the first row of the group's first position. */
  readonly base: Local;
  /** Bytes from one position to the next. */
  readonly stride: number;
  readonly cursor: Cursor;
}

interface Output {
  readonly of: NumberExpr;
  readonly form: OutputForm;
  readonly base: Local;
  readonly cursor: Cursor;
}

interface Sum {
  readonly reduction: Reduction;
  readonly form: ReductionForm;
}

export function renderPlanesStage(
  index: number,
  stage: Stage,
  layout: KernelLayout,
  pool: ConstantPool,
  target: Target,
): FunctionBody {
  return new PlanesStage(index, stage, layout, pool, target).render();
}

class PlanesStage {
  readonly #s: StageFunction;
  readonly #stage: Stage;
  readonly #own: ReadonlySet<Expr>;
  readonly #reader: RowReader;
  readonly #operands = new Map<string, Operand>();
  readonly #outputs: readonly Output[];
  readonly #caches: readonly Cache[];
  readonly #sums: readonly Sum[];
  readonly #position: Local | undefined;
  readonly #left: Local;
  readonly #lanes: Local;

  constructor(index: number, stage: Stage, layout: KernelLayout, pool: ConstantPool, target: Target) {
    const roots = [...stage.reductions, ...stage.outputs].map(({ of }) => of);
    const s = new StageFunction(`stage${index}`, layout, roots, pool, target);
    this.#s = s;
    this.#stage = stage;
    this.#own = new Set<Expr>(stage.nodes);
    const read = s.read(roots, stage);
    this.#reader = new RowReader(s, read);
    for (const e of read) {
      if (e.op !== 'operand' || layout.levelOf(e) !== 'element') continue;
      const form = layout.operands.get(e.name)!;
      const size = bytesPerElement(form.dtype);
      const isClasswise = form.kind === 'classwise';
      this.#operands.set(e.name, {
        form,
        base: s.address(form.index),
        stride: isClasswise ? size : form.stride,
        cursor: { local: s.fn.local('i32'), step: isClasswise ? 0 : 4 * size },
      });
    }
    this.#outputs = stage.outputs.map((output) => {
      const form = layout.outputs.get(output.name)!;
      const cursor = { local: s.fn.local('i32'), step: 4 * bytesPerElement(form.dtype) };
      return { of: output.of, form, base: s.address(form.index), cursor };
    });
    this.#caches = s.caches(stage);
    this.#sums = stage.reductions.map((reduction) => ({
      reduction,
      form: layout.reductions.get(reduction.name)!,
    }));
    this.#position = read.some((e) => e.op === 'position') ? s.fn.local('v128') : undefined;
    this.#left = s.fn.local('i32');
    this.#lanes = s.fn.local('i32');
  }

  render(): FunctionBody {
    const { fn } = this.#s;
    const { extent } = this.#s.layout.geometry;
    const size = groupSize(this.#stage.nodes.length, extent);
    const groups = Math.floor(extent / size);
    this.#start();
    if (groups === 1) this.#group(size);
    else {
      const left = fn.local('i32');
      fn.i32(groups).set(left);
      this.#s.repeat(left, () => this.#group(size));
    }
    if (extent % size > 0) this.#group(extent % size);
    return fn;
  }

  /** Accumulators that several groups add to begin at 0, or -Infinity. */
  #start(): void {
    const { fn, v } = this.#s;
    const kept = this.#sums.filter(({ form }) => form.extra !== undefined);
    if (kept.length === 0) return;
    const cursor = { local: this.#s.copy(scratch), step: 16 };
    const left = fn.local('i32');
    fn.get(this.#s.count).i32(3).op('i32.add').i32(2).op('i32.shr_u').set(left);
    this.#s.repeat(left, () => {
      for (const { reduction, form } of kept) {
        this.#s.store(v.constant(reduction.op === 'max' ? -Infinity : 0), cursor.local, form.value);
        this.#s.store(v.constant(0), cursor.local, form.extra!);
      }
      this.#s.advance([cursor]);
    });
  }

  /** `size` positions for all rows of the tile. */
  #group(size: number): void {
    const s = this.#s;
    const { fn, v } = s;
    const moving = [...this.#operands.values(), ...this.#outputs, ...this.#caches];
    for (const { base, cursor } of moving) fn.get(base).set(cursor.local);
    fn.get(scratch).set(this.#reader.arrays);
    const rowCursors = this.#reader.cursors.slice(1);
    const starts = rowCursors.map(({ local }) => s.copy(local));
    const cursors = [...this.#reader.cursors, ...moving.map(({ cursor }) => cursor)];

    fn.get(s.count).i32(2).op('i32.shr_u').set(this.#left);
    s.repeat(this.#left, () => {
      this.#vector(size);
      s.advance(cursors);
    });
    if (this.#mayBeRagged()) {
      fn.get(s.count).i32(3).op('i32.and').tee(this.#lanes);
      fn.ifThen(() => this.#vector(size, this.#lanes));
    }

    for (const [i, { local }] of rowCursors.entries()) fn.get(starts[i]!).set(local);
    for (const { base, stride } of this.#operands.values()) s.increase(base, size * stride);
    for (const { base, form } of [...this.#outputs, ...this.#caches]) s.increase(base, size * form.stride);
    if (this.#position !== undefined) {
      v.add(v.local(this.#position), v.constant(size))();
      fn.set(this.#position);
    }
  }

  #mayBeRagged(): boolean {
    const { arrangement, inner, rows, tileRows } = this.#s.layout.geometry;
    const length = arrangement === 'planes' ? inner : rows;
    return tileRows % 4 !== 0 || (length % tileRows) % 4 !== 0;
  }

  #vector(size: number, lanes?: Local): void {
    const s = this.#s;
    const { v } = s;
    const rows = new Map<Expr, Term | undefined>();
    const rowTerm = (e: Expr): Term | undefined => {
      if (!rows.has(e)) rows.set(e, this.#reader.term(e, this.#own));
      return rows.get(e);
    };
    const read = new Map(this.#caches.filter((cache) => !cache.isWritten).map((cache) => [cache.of, cache]));
    const renderers = Array.from({ length: size }, (_, j) =>
      s.renderer((e) => {
        if (e.op === 'position') return v.let(v.add(v.local(this.#position!), v.constant(j)));
        const cache = read.get(e);
        if (cache !== undefined) return v.let(load(v, 'float32', cache.cursor.local, j * cache.form.stride));
        const operand = e.op === 'operand' ? this.#operands.get(e.name) : undefined;
        if (operand === undefined) return rowTerm(e);
        const { form, cursor, stride } = operand;
        const from = form.kind === 'classwise' ? loadSplat : load;
        return v.let(from(v, form.dtype, cursor.local, j * stride));
      }),
    );
    // All that is computed comes before all that is stored: the engine may then mix the positions' instructions.
    const parts = this.#sums.map(({ reduction }) => renderers.map((renderer) => renderer.term(reduction.of)));
    const values = this.#outputs.map(({ of }) => renderers.map((renderer) => renderer.term(of)));
    for (const { of, form, cursor, isWritten } of this.#caches) {
      if (!isWritten) continue;
      for (const [j, renderer] of renderers.entries()) {
        s.store(renderer.term(of), cursor.local, j * form.stride);
      }
    }
    for (const [i, { form, cursor }] of this.#outputs.entries()) {
      for (const [j, value] of values[i]!.entries()) {
        if (lanes === undefined) store(v, form.dtype, value, cursor.local, j * form.stride);
        else storeSome(v, form.dtype, value, cursor.local, j * form.stride, lanes);
      }
    }
    for (const [i, sum] of this.#sums.entries()) {
      if (sum.reduction.op === 'max') this.#addMaximum(sum.form, parts[i]!);
      else this.#addSum(sum.form, parts[i]!);
    }
  }

  #addSum({ value, extra }: ReductionForm, parts: readonly Term[]): void {
    const s = this.#s;
    const { v } = s;
    const { arrays } = this.#reader;
    const total = v.let(pairwise(parts, (a, b) => v.add(a, b)));
    if (extra === undefined) {
      s.store(total, arrays, value);
      return;
    }
    // Compensated (Kahan): the error does not grow with the extent. Beyond the finite numbers there is nothing to keep.
    const before = v.let(load(v, 'float32', arrays, value));
    const corrected = v.let(v.sub(total, load(v, 'float32', arrays, extra)));
    const after = v.let(v.add(before, corrected));
    const lost = v.let(v.sub(v.sub(after, before), corrected));
    s.store(after, arrays, value);
    s.store(v.and(lost, v.binary('f32x4.eq', lost, lost)), arrays, extra);
  }

  #addMaximum({ value, extra }: ReductionForm, parts: readonly Term[]): void {
    const s = this.#s;
    const { v } = s;
    const { arrays } = this.#reader;
    const isNaN = (a: Term): Term => v.binary('f32x4.ne', a, a);
    const most = pairwise(parts, (a, b) => v.pmax(a, b));
    const nan = pairwise(parts.map(isNaN), (a, b) => v.or(a, b));
    if (extra === undefined) {
      s.store(v.or(most, nan), arrays, value);
      return;
    }
    s.store(v.pmax(load(v, 'float32', arrays, value), most), arrays, value);
    s.store(v.or(load(v, 'float32', arrays, extra), nan), arrays, extra);
  }
}
