/** A plan as the source of a JavaScript function: one loop over rows, with passes along the row inside it. */
import type { AccessTerm, OperandPlan, Plan } from '@softxent/core/plan';
import type { Stage } from '@softxent/core/program';
import { blockElements, rowsPerBlock } from '../blocks.js';
import { ExpressionWriter, type Leaves } from './expression.js';

/** What the rendered function is called with. */
export interface RenderedKernel {
  /** Body of a function of the {@link parameters}. */
  readonly body: string;
  readonly parameters: readonly string[];
  readonly uses: { readonly tails: boolean; readonly exp: boolean };
}

/** Names of the parameters: operands, their bits where the sign is read, outputs, then these. */
export const fixedParameters = ['scale', 'partials', 'tails', 'exps'] as const;

/** The JavaScript parameter that holds an operand. */
export function operandParameter(index: number): string {
  return `in${index}`;
}

/** The JavaScript parameter that holds an operand's bits as 32-bit integers. */
export function bitsParameter(index: number): string {
  return `bits${index}`;
}

/** The JavaScript parameter that holds an output. */
export function outputParameter(index: number): string {
  return `out${index}`;
}

/** Renders a plan. Block totals go to `partials`, `plan.totals.length` numbers a block. */
export function renderKernel(plan: Plan): RenderedKernel {
  return new LoopWriter(plan).render();
}

class LoopWriter {
  readonly #plan: Plan;
  readonly #writer: ExpressionWriter;
  readonly #lines: string[] = [];
  readonly #indexes: ReadonlyMap<string, string>;
  #indent = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#writer = new ExpressionWriter(plan, plan.precision === 'float32');
    this.#indexes = new Map(
      plan.operands.map((operand, i) => [operand.name, operandIndex(operand, i, plan)]),
    );
  }

  render(): RenderedKernel {
    const { plan } = { plan: this.#plan };
    const { outer, extent, inner } = plan.layout;
    const rows = outer * inner;
    const [constants, ...stages] = plan.stages as [Stage, ...Stage[]];
    const runs = plan.operands.flatMap((operand, i) => (needsRuns(operand) ? [{ operand, i }] : []));

    this.#line(`"use strict";`);
    this.#line('const logisticTail = (x) => { const e = Math.exp(-Math.abs(x)); return e / (1 + e); };');
    this.#block(this.#writer.statements(constants.nodes, this.#leaves('0')));
    this.#line(
      `for (let start = 0, block = 0; start < ${rows}; start += ${rowsPerBlock(plan.layout)}, block++) {`,
    );
    this.#nested(() => {
      for (let i = 0; i < plan.totals.length; i++) this.#line(`let total${i} = 0;`);
      this.#line(`const end = Math.min(start + ${rowsPerBlock(plan.layout)}, ${rows});`);
      if (runs.length === 0) {
        this.#line('for (let r = start; r < end; r++) {');
        this.#nested(() => this.#row(stages, extent, inner));
        this.#line('}');
      } else {
        this.#line('for (let r = start; r < end; ) {');
        this.#nested(() => {
          this.#line('const first = r;');
          this.#line('let stop = end;');
          for (const { operand, i } of runs) this.#runStart(operand, i);
          this.#line('for (; r < stop; r++) {');
          this.#nested(() => this.#row(stages, extent, inner));
          this.#line('}');
        });
        this.#line('}');
      }
      for (let i = 0; i < plan.totals.length; i++) {
        this.#line(`partials[block * ${plan.totals.length} + ${i}] = total${i};`);
      }
    });
    this.#line('}');
    const names = (make: (i: number) => string, count: number): string[] =>
      Array.from({ length: count }, (_, i) => make(i));
    return {
      body: this.#lines.join('\n'),
      parameters: [
        ...names(operandParameter, plan.operands.length),
        ...names(bitsParameter, plan.operands.length),
        ...names(outputParameter, plan.outputs.length),
        ...fixedParameters,
      ],
      uses: this.#writer.uses,
    };
  }

  /** Base index and end of the stretch of rows within which a strided row operand has one index, or a running one. */
  #runStart(operand: OperandPlan, i: number): void {
    const terms = termsOf(operand);
    const length = runLength(terms);
    const sum = terms.map(
      ({ divide, modulo, stride }) => `Math.floor(first / ${divide}) % ${modulo} * ${stride}`,
    );
    this.#line(`const base${i} = ${sum.join(' + ')};`);
    this.#line(`stop = Math.min(stop, first - first % ${length} + ${length});`);
  }

  #row(stages: readonly Stage[], extent: number, inner: number): void {
    const single = extent === 1 && !this.#plan.operands.some((operand) => operand.level === 'element');
    const base =
      inner === 1 ? `r * ${extent}` : `Math.floor(r / ${inner}) * ${extent * inner} + r % ${inner}`;
    if (!single) this.#line(`const base = ${base};`);
    this.#writer.scope(() => {
      for (const stage of stages) {
        if (stage.level === 'row') this.#rowStage(stage);
        else this.#elementStage(stage, extent, inner);
      }
    });
  }

  #rowStage(stage: Stage): void {
    this.#block(this.#writer.statements(stage.nodes, this.#leaves('0')));
    for (const output of stage.outputs) {
      this.#line(`${this.#output(output.name)}[r] = ${this.#writer.name(output.of)};`);
    }
    for (const total of stage.totals) {
      const index = this.#plan.totals.findIndex(({ name }) => name === total.name);
      this.#line(`total${index} += ${this.#writer.name(total.of)};`);
    }
  }

  #elementStage(stage: Stage, extent: number, inner: number): void {
    const isLong = extent > blockElements && stage.reductions.some(({ op }) => op === 'sum');
    for (const { name, op } of stage.reductions) {
      this.#line(`let ${this.#reduction(name)} = ${op === 'sum' ? '0' : '-Infinity'};`);
    }
    if (!isLong) {
      this.#elementLoop(stage, '0', String(extent), inner, (name) => this.#reduction(name));
      return;
    }
    // A long row is summed in stretches, whose totals are few: the error stays that of a stretch.
    this.#line(`for (let from = 0; from < ${extent}; from += ${blockElements}) {`);
    this.#nested(() => {
      for (const { name, op } of stage.reductions) {
        this.#line(`let part${this.#reduction(name)} = ${op === 'sum' ? '0' : '-Infinity'};`);
      }
      const to = `Math.min(from + ${blockElements}, ${extent})`;
      this.#elementLoop(stage, 'from', to, inner, (name) => `part${this.#reduction(name)}`);
      for (const { name, op } of stage.reductions)
        this.#line(accumulate(op, this.#reduction(name), `part${this.#reduction(name)}`));
    });
    this.#line('}');
  }

  #elementLoop(stage: Stage, from: string, to: string, inner: number, into: (name: string) => string): void {
    this.#line(`for (let e = ${from}, to = ${to}; e < to; e++) {`);
    this.#nested(() => {
      this.#line(`const j = base + e${inner === 1 ? '' : ` * ${inner}`};`);
      this.#writer.scope(() => {
        this.#block(this.#writer.statements(stage.nodes, this.#leaves('e')));
        for (const { name, op, of } of stage.reductions) {
          this.#line(accumulate(op, into(name), this.#writer.name(of)));
        }
        for (const output of stage.outputs) {
          this.#line(`${this.#output(output.name)}[j] = ${this.#writer.name(output.of)};`);
        }
      });
    });
    this.#line('}');
  }

  #leaves(position: string): Leaves {
    const { operands } = this.#plan;
    const at = (name: string): number => operands.findIndex((operand) => operand.name === name);
    return {
      operand: (name) => `${operandParameter(at(name))}[${this.#indexes.get(name)}]`,
      signOf: (name) =>
        operands[at(name)]?.dtype === 'float32'
          ? `1 + (${bitsParameter(at(name))}[${this.#indexes.get(name)}] >> 31)`
          : undefined,
      reduction: (name) => this.#reduction(name),
      position,
    };
  }

  #reduction(name: string): string {
    return `reduction${this.#plan.reductions.findIndex((reduction) => reduction.name === name)}`;
  }

  #output(name: string): string {
    return outputParameter(this.#plan.outputs.findIndex((output) => output.name === name));
  }

  #block(statements: readonly string[]): void {
    for (const statement of statements) this.#line(statement);
  }

  #nested(body: () => void): void {
    this.#indent++;
    body();
    this.#indent--;
  }

  #line(text: string): void {
    this.#lines.push('  '.repeat(this.#indent) + text);
  }
}

/** NaN must win a maximum, which `>` alone would lose. */
function accumulate(op: 'sum' | 'max', into: string, value: string): string {
  return op === 'sum'
    ? `${into} += ${value};`
    : `if (!(${value} <= ${into})) ${into} = ${into} !== ${into} ? ${into} : ${value};`;
}

function termsOf(operand: OperandPlan): readonly AccessTerm[] {
  return operand.access.kind === 'strided' ? operand.access.terms : [];
}

/** Row operands that are broadcast along some dimensions and vary along others. */
function needsRuns(operand: OperandPlan): boolean {
  return operand.level === 'row' && termsOf(operand).length > 0;
}

/** Over how many consecutive rows, from a multiple of it, a strided index stays or advances by its stride. */
function runLength(terms: readonly AccessTerm[]): number {
  return Math.min(...terms.map(({ divide, modulo }) => (divide === 1 ? modulo : divide)));
}

function operandIndex(operand: OperandPlan, i: number, plan: Plan): string {
  const { access, level } = operand;
  if (access.kind === 'dense') return level === 'row' ? 'r' : 'j';
  if (access.terms.length === 0) return '0';
  if (level === 'row') {
    const running = access.terms.find(({ divide }) => divide === 1);
    if (running === undefined) return `base${i}`;
    return `base${i} + (r - first)${running.stride === 1 ? '' : ` * ${running.stride}`}`;
  }
  const { inner, extent } = plan.layout;
  const terms = access.terms.map(({ divide, modulo, stride }) =>
    divide === inner && modulo === extent
      ? `e * ${stride}`
      : `Math.floor(j / ${divide}) % ${modulo} * ${stride}`,
  );
  return terms.join(' + ');
}
