/**
 * Plans without code from strings: every operation becomes a closure that loops over a few rows at a time, from
 * arrays of operands to an array of results. Slower than generated code by what storing every intermediate costs, and
 * the same promises.
 */
import type { DataOf } from '@softxent/core';
import { indexOf, sumOf, type OperandPlan, type Plan } from '@softxent/core/plan';
import {
  foldUnary,
  isBinary,
  isCompare,
  isUnary,
  type BinaryOp,
  type CompareOp,
  type Expr,
  type Stage,
} from '@softxent/core/program';
import { blockCount, blockElements, rowsPerBlock } from '../blocks.js';
import type { RowBindings, RowKernel } from '../kernel.js';

/** Rows that are computed together: enough to pay for the calls, few enough for their values to stay in cache. */
const lanes = 128;

/** One number for each of the rows at hand; truth values are 1 and 0. */
type Lanes = Float64Array;

/** Where a run stands. */
interface Frame {
  bindings: RowBindings;
  /** The first of the rows at hand, and how many there are. */
  row: number;
  count: number;
  /** Linear index of each row's first element. */
  readonly bases: Lanes;
  /** Position along the row, and how far its elements are from the first ones. */
  position: number;
  offset: number;
}

type Step = (frame: Frame) => void;

/** Compiles a plan to closures. */
export function interpret(plan: Plan): RowKernel {
  const compiler = new Compiler(plan);
  const stages = plan.stages.map((stage) => compiler.stage(stage));
  const { outer, extent, inner } = plan.layout;
  const rows = outer * inner;
  const perBlock = rowsPerBlock(plan.layout);
  const width = plan.totals.length;
  const partials = new Float64Array(blockCount(plan.layout) * width);
  const bases = new Float64Array(lanes);
  return (bindings) => {
    const frame: Frame = { bindings, row: 0, count: lanes, bases, position: 0, offset: 0 };
    partials.fill(0);
    for (const stage of stages) if (stage.level === 'constant') runOnce(stage, frame, partials, 0);
    for (let block = 0; block * perBlock < rows; block++) {
      const end = Math.min((block + 1) * perBlock, rows);
      for (frame.row = block * perBlock; frame.row < end; frame.row += lanes) {
        frame.count = Math.min(lanes, end - frame.row);
        for (let i = 0; i < frame.count; i++) {
          const row = frame.row + i;
          bases[i] = Math.floor(row / inner) * extent * inner + (row % inner);
        }
        for (const stage of stages) {
          if (stage.level === 'element') runElements(stage, frame, extent, inner);
          else if (stage.level === 'row') runOnce(stage, frame, partials, block * width);
        }
      }
    }
    return plan.totals.map((_, i) => sumOf(partials, i, partials.length, width));
  };
}

interface CompiledStage {
  readonly level: Stage['level'];
  readonly steps: readonly Step[];
  readonly reductions: readonly CompiledReduction[];
  readonly outputs: readonly { readonly index: number; readonly of: Lanes }[];
  readonly totals: readonly { readonly index: number; readonly of: Lanes }[];
}

interface CompiledReduction {
  readonly op: 'sum' | 'max';
  readonly into: Lanes;
  /** The stretch at hand of a long row. */
  readonly part: Lanes;
  readonly of: Lanes;
}

function runOnce(stage: CompiledStage, frame: Frame, partials: Float64Array, block: number): void {
  for (const step of stage.steps) step(frame);
  for (const { index, of } of stage.outputs) {
    const data = frame.bindings.outputs[index] as DataOf;
    for (let i = 0; i < frame.count; i++) data[frame.row + i] = of[i] as number;
  }
  for (const { index, of } of stage.totals) {
    let total = partials[block + index] as number;
    for (let i = 0; i < frame.count; i++) total += of[i] as number;
    partials[block + index] = total;
  }
}

function runElements(stage: CompiledStage, frame: Frame, extent: number, inner: number): void {
  for (const { op, into } of stage.reductions) into.fill(op === 'sum' ? 0 : -Infinity);
  // A long row is summed in stretches, whose totals are few: the error stays that of a stretch.
  for (let from = 0; from < extent; from += blockElements) {
    for (const { op, part } of stage.reductions) part.fill(op === 'sum' ? 0 : -Infinity);
    const to = Math.min(from + blockElements, extent);
    for (let position = from; position < to; position++) {
      frame.position = position;
      frame.offset = position * inner;
      for (const step of stage.steps) step(frame);
      for (const { op, part, of } of stage.reductions) accumulate(op, part, of, frame.count);
      for (const { index, of } of stage.outputs) {
        const data = frame.bindings.outputs[index] as DataOf;
        for (let i = 0; i < frame.count; i++)
          data[(frame.bases[i] as number) + frame.offset] = of[i] as number;
      }
    }
    for (const { op, into, part } of stage.reductions) accumulate(op, into, part, frame.count);
  }
}

function accumulate(op: 'sum' | 'max', into: Lanes, of: Lanes, count: number): void {
  if (op === 'sum') for (let i = 0; i < count; i++) into[i] = (into[i] as number) + (of[i] as number);
  else for (let i = 0; i < count; i++) into[i] = Math.max(into[i] as number, of[i] as number);
}

class Compiler {
  readonly #plan: Plan;
  readonly #lanes = new Map<Expr, Lanes>();
  readonly #reductions: ReadonlyMap<string, Lanes>;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#reductions = new Map(plan.reductions.map(({ name }) => [name, new Float64Array(lanes)]));
  }

  stage(stage: Stage): CompiledStage {
    const steps = stage.nodes.flatMap((e) => {
      const step = this.#step(e);
      return step === undefined ? [] : [step];
    });
    const { outputs, totals } = this.#plan;
    const at = (items: readonly { readonly name: string }[], name: string): number =>
      items.findIndex((item) => item.name === name);
    return {
      level: stage.level,
      steps,
      reductions: stage.reductions.map(({ name, op, of }) => ({
        op,
        into: this.#reductions.get(name) as Lanes,
        part: new Float64Array(lanes),
        of: this.#of(of),
      })),
      outputs: stage.outputs.map(({ name, of }) => ({ index: at(outputs, name), of: this.#of(of) })),
      totals: stage.totals.map(({ name, of }) => ({ index: at(totals, name), of: this.#of(of) })),
    };
  }

  /** Where an expression's values stand. */
  #of(e: Expr): Lanes {
    if (e.op === 'reduction') return this.#reductions.get(e.name) as Lanes;
    let values = this.#lanes.get(e);
    if (values === undefined) {
      values = new Float64Array(lanes);
      if (e.op === 'constant' || e.op === 'truth') values.fill(Number(e.value));
      this.#lanes.set(e, values);
    }
    return values;
  }

  #step(e: Expr): Step | undefined {
    if (e.op === 'reduction') return undefined;
    const out = this.#of(e);
    if (isUnary(e)) {
      const { op } = e;
      const a = this.#of(e.a);
      return ({ count }) => {
        for (let i = 0; i < count; i++) out[i] = foldUnary(op, a[i] as number);
      };
    }
    if (isBinary(e) || isCompare(e)) {
      const loop = loops[e.op];
      const [a, b] = [this.#of(e.a), this.#of(e.b)];
      return ({ count }) => loop(out, a, b, count);
    }
    switch (e.op) {
      case 'select': {
        const [condition, a, b] = [this.#of(e.condition), this.#of(e.a), this.#of(e.b)];
        return ({ count }) => {
          for (let i = 0; i < count; i++) out[i] = (condition[i] === 1 ? a[i] : b[i]) as number;
        };
      }
      case 'isNaN': {
        const a = this.#of(e.a);
        return ({ count }) => {
          for (let i = 0; i < count; i++) out[i] = a[i] === a[i] ? 0 : 1;
        };
      }
      case 'not': {
        const a = this.#of(e.a);
        return ({ count }) => {
          for (let i = 0; i < count; i++) out[i] = 1 - (a[i] as number);
        };
      }
      case 'and':
      case 'or': {
        const loop = loops[e.op === 'and' ? 'min' : 'max'];
        const [a, b] = [this.#of(e.a), this.#of(e.b)];
        return ({ count }) => loop(out, a, b, count);
      }
      case 'operand':
        return this.#load(e.name, out);
      case 'parameter':
        return ({ bindings }) => out.fill(bindings.scale);
      case 'position':
        return ({ position }) => out.fill(position);
      default:
        throw new Error(`no closure for ${e.op}`);
    }
  }

  #load(name: string, out: Lanes): Step {
    const index = this.#plan.operands.findIndex((operand) => operand.name === name);
    const { access, level } = this.#plan.operands[index] as OperandPlan;
    const place = access.kind === 'dense' ? (at: number) => at : (at: number) => indexOf(access, at);
    return ({ bindings, row, count, bases, offset }) => {
      const data = bindings.operands[index] as DataOf;
      for (let i = 0; i < count; i++) {
        out[i] = data[place(level === 'row' ? row + i : (bases[i] as number) + offset)] as number;
      }
    };
  }
}

type Loop = (out: Lanes, a: Lanes, b: Lanes, count: number) => void;

/** A loop of its own for each operation, so that the engine compiles each for what it does. */
const loops: Readonly<Record<BinaryOp | CompareOp, Loop>> = {
  add(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = (a[i] as number) + (b[i] as number);
  },
  sub(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = (a[i] as number) - (b[i] as number);
  },
  mul(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = (a[i] as number) * (b[i] as number);
  },
  div(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = (a[i] as number) / (b[i] as number);
  },
  min(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = Math.min(a[i] as number, b[i] as number);
  },
  max(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = Math.max(a[i] as number, b[i] as number);
  },
  pow(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = (a[i] as number) ** (b[i] as number);
  },
  lt(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = Number((a[i] as number) < (b[i] as number));
  },
  le(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = Number((a[i] as number) <= (b[i] as number));
  },
  eq(out, a, b, count) {
    for (let i = 0; i < count; i++) out[i] = Number(a[i] === b[i]);
  },
};
