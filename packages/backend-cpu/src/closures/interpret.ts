/**
 * Plans without code from strings: every expression becomes a closure that writes one slot of a frame. Slower than
 * generated code by the cost of a call an operation, and the same promises.
 */
import type { DataOf } from '@softxent/core';
import { indexOf, sumOf, type OperandPlan, type Plan } from '@softxent/core/plan';
import {
  foldBinary,
  foldCompare,
  foldUnary,
  isBinary,
  isCompare,
  isUnary,
  type Expr,
  type Stage,
} from '@softxent/core/program';
import { blockCount, blockElements, rowsPerBlock } from '../blocks.js';
import type { RowBindings, RowKernel } from '../kernel.js';

/** Where a run stands, and every value computed so far; truth values are 1 and 0. */
interface Frame {
  readonly slots: Float64Array;
  readonly bindings: RowBindings;
  row: number;
  element: number;
  position: number;
}

type Step = (frame: Frame) => void;
type Read = (frame: Frame) => number;

/** Compiles a plan to closures. */
export function interpret(plan: Plan): RowKernel {
  const compiled = new Compiler(plan);
  const stages = plan.stages.map((stage) => compiled.stage(stage));
  const { outer, extent, inner } = plan.layout;
  const rows = outer * inner;
  const partials = new Float64Array(blockCount(plan.layout) * plan.totals.length);
  return (bindings) => {
    const frame: Frame = {
      slots: new Float64Array(compiled.slotCount),
      bindings,
      row: 0,
      element: 0,
      position: 0,
    };
    const perBlock = rowsPerBlock(plan.layout);
    partials.fill(0);
    for (let row = 0; row < rows; row++) {
      frame.row = row;
      const base = Math.floor(row / inner) * extent * inner + (row % inner);
      const block = Math.floor(row / perBlock) * plan.totals.length;
      for (const stage of stages) {
        if (stage.level === 'element') runElements(stage, frame, base, extent, inner);
        else if (stage.level === 'row' || row === 0) runOnce(stage, frame, partials, block);
      }
    }
    return plan.totals.map((_, i) => sumOf(partials, i, partials.length, plan.totals.length));
  };
}

interface CompiledStage {
  readonly level: Stage['level'];
  readonly steps: readonly Step[];
  readonly reductions: readonly { readonly op: 'sum' | 'max'; readonly slot: number; readonly of: Read }[];
  readonly outputs: readonly { readonly index: number; readonly of: Read }[];
  readonly totals: readonly { readonly index: number; readonly of: Read }[];
}

function runOnce(stage: CompiledStage, frame: Frame, partials: Float64Array, block: number): void {
  for (const step of stage.steps) step(frame);
  for (const { index, of } of stage.outputs) (frame.bindings.outputs[index] as DataOf)[frame.row] = of(frame);
  for (const { index, of } of stage.totals) {
    partials[block + index] = (partials[block + index] as number) + of(frame);
  }
}

function runElements(stage: CompiledStage, frame: Frame, base: number, extent: number, inner: number): void {
  const { slots } = frame;
  const { reductions } = stage;
  const parts = new Float64Array(reductions.length);
  for (const { slot, op } of reductions) slots[slot] = op === 'sum' ? 0 : -Infinity;
  for (let from = 0; from < extent; from += blockElements) {
    reductions.forEach(({ op }, i) => (parts[i] = op === 'sum' ? 0 : -Infinity));
    for (let e = from; e < Math.min(from + blockElements, extent); e++) {
      frame.position = e;
      frame.element = base + e * inner;
      for (const step of stage.steps) step(frame);
      reductions.forEach(({ op, of }, i) => (parts[i] = combine(op, parts[i] as number, of(frame))));
      for (const { index, of } of stage.outputs)
        (frame.bindings.outputs[index] as DataOf)[frame.element] = of(frame);
    }
    reductions.forEach(
      ({ op, slot }, i) => (slots[slot] = combine(op, slots[slot] as number, parts[i] as number)),
    );
  }
}

function combine(op: 'sum' | 'max', a: number, b: number): number {
  return op === 'sum' ? a + b : Math.max(a, b);
}

class Compiler {
  readonly #plan: Plan;
  readonly #slots = new Map<Expr, number>();
  readonly #reductionSlots: ReadonlyMap<string, number>;
  slotCount = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#reductionSlots = new Map(plan.reductions.map(({ name }) => [name, this.slotCount++]));
  }

  stage(stage: Stage): CompiledStage {
    const steps = stage.nodes.flatMap((e) => {
      const step = this.#step(e);
      return step === undefined ? [] : [step];
    });
    const { outputs, totals } = this.#plan;
    return {
      level: stage.level,
      steps,
      reductions: stage.reductions.map(({ name, op, of }) => ({
        op,
        slot: this.#reductionSlots.get(name) as number,
        of: this.#read(of),
      })),
      outputs: stage.outputs.map(({ name, of }) => ({
        index: outputs.findIndex((output) => output.name === name),
        of: this.#read(of),
      })),
      totals: stage.totals.map(({ name, of }) => ({
        index: totals.findIndex((total) => total.name === name),
        of: this.#read(of),
      })),
    };
  }

  #step(e: Expr): Step | undefined {
    if (e.op === 'reduction') {
      this.#slots.set(e, this.#reductionSlots.get(e.name) as number);
      return undefined;
    }
    const compute = this.#compute(e);
    let slot = this.#slots.get(e);
    if (slot === undefined) {
      slot = this.slotCount++;
      this.#slots.set(e, slot);
    }
    const at = slot;
    return (frame) => {
      frame.slots[at] = compute(frame);
    };
  }

  #read(e: Expr): Read {
    if (e.op === 'constant') return () => e.value;
    if (e.op === 'truth') return () => Number(e.value);
    const slot = this.#slots.get(e);
    if (slot === undefined) throw new Error(`expression used before it is computed: ${e.op}`);
    return (frame) => frame.slots[slot] as number;
  }

  #compute(e: Expr): Read {
    if (isUnary(e)) {
      const { op } = e;
      const a = this.#read(e.a);
      return (frame) => foldUnary(op, a(frame));
    }
    if (isBinary(e)) {
      const { op } = e;
      const [a, b] = [this.#read(e.a), this.#read(e.b)];
      return (frame) => foldBinary(op, a(frame), b(frame));
    }
    if (isCompare(e)) {
      const { op } = e;
      const [a, b] = [this.#read(e.a), this.#read(e.b)];
      return (frame) => Number(foldCompare(op, a(frame), b(frame)));
    }
    switch (e.op) {
      case 'select': {
        const [condition, a, b] = [this.#read(e.condition), this.#read(e.a), this.#read(e.b)];
        return (frame) => (condition(frame) === 1 ? a(frame) : b(frame));
      }
      case 'isNaN': {
        const a = this.#read(e.a);
        return (frame) => Number(Number.isNaN(a(frame)));
      }
      case 'not': {
        const a = this.#read(e.a);
        return (frame) => 1 - a(frame);
      }
      case 'and':
      case 'or': {
        const [a, b] = [this.#read(e.a), this.#read(e.b)];
        return e.op === 'and' ? (frame) => a(frame) * b(frame) : (frame) => Math.max(a(frame), b(frame));
      }
      case 'operand':
        return this.#operand(e.name);
      case 'parameter':
        return (frame) => frame.bindings.scale;
      case 'position':
        return (frame) => frame.position;
      default:
        throw new Error(`no closure for ${e.op}`);
    }
  }

  #operand(name: string): Read {
    const index = this.#plan.operands.findIndex((operand) => operand.name === name);
    const { access, level } = this.#plan.operands[index] as OperandPlan;
    const read =
      access.kind === 'dense'
        ? (_: number, at: number) => at
        : (_: number, at: number) => indexOf(access, at);
    return ({ bindings, row, element }) =>
      (bindings.operands[index] as DataOf)[read(index, level === 'row' ? row : element)] as number;
  }
}
