/** Short rows in registers: all elements of four rows, and what is reduced over them, without passes over memory. */
import { bytesPerElement, type DType } from '@softxent/core';
import type { Plan } from '@softxent/core/plan';
import type { Expr, ScheduledOutput, Stage } from '@softxent/core/program';
import type { Renderer } from './expression.js';
import { load, loadSplat, store, storeSome } from './loads.js';
import type { Local } from '../emitter/function.js';
import type { Cursor, StageFunction } from './stage.js';
import { pairwise, type Term } from './vectors.js';

/** All stages of a plan as one. */
export interface FusedStage {
  readonly stage: Stage;
  readonly elementOutputs: readonly ScheduledOutput[];
}

/** The stages of a plan whose rows are short enough to be computed at once. */
export function fuse({ stages, outputs }: Plan): FusedStage {
  return {
    stage: {
      level: 'row',
      nodes: [...new Set(stages.flatMap(({ nodes }) => nodes))],
      reductions: [],
      outputs: outputs.filter(({ level }) => level === 'row'),
      totals: stages.flatMap(({ totals }) => totals),
    },
    elementOutputs: outputs.filter(({ level }) => level === 'element'),
  };
}

/** What is written for one vector of rows. */
export interface RowRenderers {
  readonly row: Renderer;
  /** One for each position along the extent. */
  readonly elements: readonly Renderer[];
}

interface Plane {
  readonly dtype: DType;
  readonly cursor: Cursor;
  /** Bytes from one position to the next. */
  readonly stride: number;
  /** Whether there is one number for all rows. */
  readonly isSplat: boolean;
}

/** Reads and writes the elements of rows whose lanes are neighbouring rows. */
export class FusedElements {
  readonly #stage: StageFunction;
  readonly #operands = new Map<string, Plane>();
  readonly #outputs: readonly (Plane & ScheduledOutput)[];

  constructor(stage: StageFunction, read: readonly Expr[], outputs: readonly ScheduledOutput[]) {
    this.#stage = stage;
    const { layout } = stage;
    for (const e of read) {
      if (e.op !== 'operand' || layout.levelOf(e) !== 'element') continue;
      const { index, dtype, kind, stride } = layout.operands.get(e.name)!;
      const size = bytesPerElement(dtype);
      const isSplat = kind === 'classwise';
      const cursor = { local: stage.address(index), step: isSplat ? 0 : 4 * size };
      this.#operands.set(e.name, { dtype, cursor, stride: isSplat ? size : stride, isSplat });
    }
    this.#outputs = outputs.map((output) => {
      const { index, dtype, stride } = layout.outputs.get(output.name)!;
      const cursor = { local: stage.address(index), step: 4 * bytesPerElement(dtype) };
      return { ...output, dtype, cursor, stride, isSplat: false };
    });
  }

  get cursors(): readonly Cursor[] {
    return [...this.#operands.values(), ...this.#outputs].map(({ cursor }) => cursor);
  }

  /** Renderers for the rows `vector` vectors after the cursors; `leaves` gives row-level operands. */
  renderers(vector: number, leaves: (e: Expr) => Term | undefined): RowRenderers {
    const { layout, v } = this.#stage;
    const elements: Renderer[] = [];
    const row = this.#stage.renderer((e) =>
      e.op === 'reduction' ? this.#reduce(e.name, elements) : leaves(e),
    );
    for (let position = 0; position < layout.geometry.extent; position++) {
      const renderer = this.#stage.renderer((e) => {
        if (e.op === 'position') return v.constant(position);
        if (layout.levelOf(e) === 'row') return row.term(e);
        const operand = e.op === 'operand' ? this.#operands.get(e.name) : undefined;
        if (operand === undefined) return undefined;
        const { dtype, cursor, stride, isSplat } = operand;
        const from = isSplat ? loadSplat : load;
        return v.let(from(v, dtype, cursor.local, position * stride + vector * cursor.step));
      });
      elements.push(renderer);
    }
    return { row, elements };
  }

  /** Computes what is to be written, and gives what writes it. */
  outputs(vector: number, { elements }: RowRenderers, lanes?: Local): () => void {
    const { v } = this.#stage;
    const writes = this.#outputs.flatMap(({ of, dtype, cursor, stride }) =>
      elements.map((renderer, position) => {
        const value = renderer.term(of);
        const offset = position * stride + vector * cursor.step;
        return () => {
          if (lanes === undefined) store(v, dtype, value, cursor.local, offset);
          else storeSome(v, dtype, value, cursor.local, offset, lanes);
        };
      }),
    );
    return () => {
      for (const write of writes) write();
    };
  }

  #reduce(name: string, elements: readonly Renderer[]): Term {
    const { layout, v } = this.#stage;
    const { op, of } = layout.plan.reductions.find((reduction) => reduction.name === name)!;
    const values = elements.map((renderer) => renderer.term(of));
    if (op === 'sum') return v.let(pairwise(values, (a, b) => v.add(a, b)));
    const most = pairwise(values, (a, b) => v.pmax(a, b));
    const nan = pairwise(
      values.map((value) => v.binary('f32x4.ne', value, value)),
      (a, b) => v.or(a, b),
    );
    return v.let(v.or(most, nan));
  }
}
