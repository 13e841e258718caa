/**
 * A backend that evaluates plans expression by expression: slow, plain, and easy to break on purpose. For the tests of
 * the suite alone.
 */
import {
  allocate,
  float16ToNumber,
  numberToFloat16,
  sizeOf,
  type Accuracy,
  type Bindings,
  type Capabilities,
  type DataOf,
  type SyncBackend,
  type SyncDevice,
} from '@softxent/core';
import { indexOf, sumOf, type OperandPlan, type OutputPlan, type Plan } from '@softxent/core/plan';
import {
  foldBinary,
  foldCompare,
  foldUnary,
  isBinary,
  isCompare,
  isUnary,
  type Expr,
} from '@softxent/core/program';

/** Where the interpreter may be changed; each is a way to be wrong. */
export interface Changes {
  /** Rewrites a plan before it is compiled. */
  readonly plan?: (plan: Plan) => Plan;
  /** Rounds every intermediate number; default: not at all. */
  readonly round?: (value: number) => number;
  /** Adds up the terms of a total; default: compensated. */
  readonly sum?: (terms: readonly number[], run: number) => number;
  /** Evaluates an operation in another way; undefined: as it ought to be. */
  readonly evaluate?: (e: Expr, evaluate: (child: Expr) => number) => number | undefined;
  /** Changes what is read of an operand. */
  readonly operand?: (name: string, value: number) => number;
  /** Called around a run; may do it differently. */
  readonly run?: (
    run: () => readonly number[],
    bindings: Bindings<DataOf>,
    count: number,
  ) => readonly number[];
  readonly device?: Partial<SyncDevice<DataOf>>;
  readonly accuracy?: Partial<Accuracy>;
  readonly capabilities?: Partial<Capabilities>;
}

/** Where an evaluation stands. */
interface Place {
  readonly row: number;
  readonly position: number;
}

class Evaluation {
  readonly #plan: Plan;
  readonly #changes: Changes;
  readonly #bindings: Bindings<DataOf>;
  readonly #operands = new Map<string, OperandPlan>();
  #reductions = new Map<string, number>();
  #cache = new Map<Expr, number>();
  #place: Place = { row: 0, position: 0 };

  constructor(plan: Plan, changes: Changes, bindings: Bindings<DataOf>) {
    this.#plan = plan;
    this.#changes = changes;
    this.#bindings = bindings;
    for (const operand of plan.operands) this.#operands.set(operand.name, operand);
  }

  run(count: number): readonly number[] {
    const { layout, reductions, outputs, totals } = this.#plan;
    const { outer, extent, inner } = layout;
    const terms = totals.map((): number[] => []);
    for (let row = 0; row < outer * inner; row++) {
      this.#reductions = new Map();
      for (const { name, op, of } of reductions) {
        const along = Array.from({ length: extent }, (_, position) => this.#at(of, { row, position }));
        const sum = (): number => this.#round(sumOf(along));
        this.#reductions.set(name, op === 'sum' ? sum() : this.#round(Math.max(...along)));
      }
      for (const output of outputs) {
        if (output.level === 'row') this.#write(output, row, this.#at(output.of, { row, position: 0 }));
        else {
          for (let position = 0; position < extent; position++) {
            this.#write(output, this.#element(row, position), this.#at(output.of, { row, position }));
          }
        }
      }
      for (const [i, total] of totals.entries()) terms[i]?.push(this.#at(total.of, { row, position: 0 }));
    }
    return terms.map((values) => this.#changes.sum?.(values, count) ?? sumOf(values));
  }

  #round(value: number): number {
    return this.#changes.round?.(value) ?? value;
  }

  #element(row: number, position: number): number {
    const { extent, inner } = this.#plan.layout;
    return (Math.floor(row / inner) * extent + position) * inner + (row % inner);
  }

  #at(e: Expr, place: Place): number {
    this.#place = place;
    this.#cache = new Map();
    return this.#number(e);
  }

  #number(e: Expr): number {
    const known = this.#cache.get(e);
    if (known !== undefined) return known;
    const value = this.#changes.evaluate?.(e, (child) => this.#number(child)) ?? this.#evaluate(e);
    this.#cache.set(e, value);
    return value;
  }

  /** Truth values are 1 and 0. */
  #evaluate(e: Expr): number {
    const truth = (value: boolean): number => (value ? 1 : 0);
    if (isUnary(e)) return this.#round(foldUnary(e.op, this.#number(e.a)));
    if (isBinary(e)) return this.#round(foldBinary(e.op, this.#number(e.a), this.#number(e.b)));
    if (isCompare(e)) return truth(foldCompare(e.op, this.#number(e.a), this.#number(e.b)));
    switch (e.op) {
      case 'constant':
        return this.#round(e.value);
      case 'truth':
        return truth(e.value);
      case 'operand':
        return this.#changes.operand?.(e.name, this.#operand(e.name)) ?? this.#operand(e.name);
      case 'parameter':
        return this.#round(this.#bindings.scale);
      case 'position':
        return this.#place.position;
      case 'extent':
        return this.#plan.layout.extent;
      case 'reduction':
        return this.#reductions.get(e.name) ?? NaN;
      case 'select':
        return this.#number(e.condition) === 1 ? this.#number(e.a) : this.#number(e.b);
      case 'isNaN':
        return truth(Number.isNaN(this.#number(e.a)));
      case 'not':
        return 1 - this.#number(e.a);
      case 'and':
        return this.#number(e.a) * this.#number(e.b);
      case 'or':
        return Math.max(this.#number(e.a), this.#number(e.b));
    }
    throw new Error(`no such operation: ${(e as Expr).op}`);
  }

  #operand(name: string): number {
    const operand = this.#operands.get(name);
    if (operand === undefined) throw new Error(`no such operand: ${name}`);
    const { row, position } = this.#place;
    const index = indexOf(operand.access, operand.level === 'row' ? row : this.#element(row, position));
    const constants = this.#plan.constants[name];
    if (constants !== undefined) return this.#round(constants[index] as number);
    const stored = (this.#bindings.operands[name] as DataOf)[index] as number;
    return operand.dtype === 'float16' ? float16ToNumber(stored) : this.#round(stored);
  }

  #write({ name, dtype }: OutputPlan, index: number, value: number): void {
    const data = this.#bindings.outputs[name] as DataOf;
    data[index] = dtype === 'float16' ? numberToFloat16(value) : value;
  }
}

/** The interpreter as a backend. Its device has memory of its own, as far as a session can tell. */
export function interpreter(changes: Changes = {}): SyncBackend<DataOf> {
  const openSync = (): SyncDevice<DataOf> => ({
    description: 'interpreter',
    capabilities: {
      predictions: ['float64', 'float32', 'float16'],
      targets: ['float64', 'float32', 'float16', 'uint8', 'int32'],
      weights: ['float64', 'float32', 'float16'],
      deterministic: true,
      memory: 'device',
      ...changes.capabilities,
    },
    accuracy: {
      value: { float32: 1, float64: 8 },
      gradient: { float32: 1, float64: 8 },
      sum: 1e-12,
      subnormals: 'kept',
      ...changes.accuracy,
    },
    compile(plan) {
      const compiled = changes.plan?.(plan) ?? plan;
      let count = 0;
      return {
        run(bindings) {
          const run = (): readonly number[] => new Evaluation(compiled, changes, bindings).run(count);
          count++;
          return changes.run?.(run, bindings, count) ?? run();
        },
        dispose: () => undefined,
      };
    },
    allocate: ({ dtype, shape }) => allocate(dtype, sizeOf(shape)),
    write: (buffer, data) => buffer.set(data),
    read: (buffer, into) => into.set(buffer),
    free: () => undefined,
    dispose: () => undefined,
    ...changes.device,
  });
  return { name: 'interpreter', openSync, open: openSync };
}
