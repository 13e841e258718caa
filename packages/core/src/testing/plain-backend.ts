/**
 * The smallest whole backend: written to be read, and to stand in where a test needs a device. It evaluates every
 * expression of a plan by recursion, in double precision, one element at a time.
 */
import type { Bindings, SyncBackend, SyncDevice, SyncKernel } from '../backend.js';
import { float16ToNumber, numberToFloat16 } from '../float16.js';
import { indexOf } from '../plan/access.js';
import type { Plan } from '../plan/types.js';
import { isBinary, isCompare, isUnary, type NumberExpr, type TruthExpr } from '../program/expression.js';
import { foldBinary, foldCompare, foldUnary } from '../program/fold.js';
import { sumOf } from '../sum.js';
import { allocate, sizeOf, type DataOf, type DType } from '../tensor.js';

/** Where an expression is evaluated. */
interface Place {
  readonly row: number;
  readonly element: number;
  readonly position: number;
  readonly reductions: Readonly<Record<string, number>>;
  readonly scale: number;
  read(name: string, row: number, element: number): number;
}

/** The number that an expression stands for at a place. */
export function evaluate(e: NumberExpr, place: Place): number {
  if (isUnary(e)) return foldUnary(e.op, evaluate(e.a, place));
  if (isBinary(e)) return foldBinary(e.op, evaluate(e.a, place), evaluate(e.b, place));
  switch (e.op) {
    case 'constant':
      return e.value;
    case 'operand':
      return place.read(e.name, place.row, place.element);
    case 'parameter':
      return place.scale;
    case 'position':
      return place.position;
    case 'reduction':
      return place.reductions[e.name] ?? NaN;
    case 'select':
      return evaluateTruth(e.condition, place) ? evaluate(e.a, place) : evaluate(e.b, place);
    case 'extent':
      throw new Error('a plan has no extent left: it is a constant');
  }
}

function evaluateTruth(e: TruthExpr, place: Place): boolean {
  if (isCompare(e)) return foldCompare(e.op, evaluate(e.a, place), evaluate(e.b, place));
  switch (e.op) {
    case 'truth':
      return e.value;
    case 'isNaN':
      return Number.isNaN(evaluate(e.a, place));
    case 'not':
      return !evaluateTruth(e.a, place);
    case 'and':
      return evaluateTruth(e.a, place) && evaluateTruth(e.b, place);
    case 'or':
      return evaluateTruth(e.a, place) || evaluateTruth(e.b, place);
  }
}

function load(data: DataOf, dtype: DType, index: number): number {
  const stored = data[index] as number;
  return dtype === 'float16' ? float16ToNumber(stored) : stored;
}

function runPlan(plan: Plan, { operands, outputs, scale }: Bindings<DataOf>): readonly number[] {
  const { outer, extent, inner } = plan.layout;
  const byName = new Map(plan.operands.map((operand) => [operand.name, operand]));
  const read = (name: string, row: number, element: number): number => {
    const operand = byName.get(name);
    if (operand === undefined) return NaN;
    const index = indexOf(operand.access, operand.level === 'row' ? row : element);
    return plan.constants[name]?.[index] ?? load(operands[name] as DataOf, operand.dtype, index);
  };
  const sums: number[][] = plan.totals.map(() => []);
  for (let row = 0; row < outer * inner; row++) {
    const first = Math.floor(row / inner) * extent * inner + (row % inner);
    const reductions: Record<string, number> = {};
    const at = (position: number): Place => ({
      row,
      element: first + position * inner,
      position,
      reductions,
      scale,
      read,
    });
    const positions = Array.from({ length: extent }, (_, position) => position);
    for (const { name, op, of } of plan.reductions) {
      const values = positions.map((position) => evaluate(of, at(position)));
      reductions[name] = op === 'sum' ? sumOf(values) : Math.max(...values);
    }
    for (const output of plan.outputs) {
      const data = outputs[output.name] as DataOf;
      const places = output.level === 'row' ? [{ ...at(0), element: row }] : positions.map(at);
      for (const place of places) {
        const value = evaluate(output.of, place);
        data[place.element] = output.dtype === 'float16' ? numberToFloat16(value) : value;
      }
    }
    plan.totals.forEach(({ of }, i) => sums[i]?.push(evaluate(of, at(0))));
  }
  return sums.map((values) => sumOf(values));
}

/** A backend for tests and for reading; `watch` sees every plan that is compiled and every buffer that comes and goes. */
export function plainBackend(
  watch: { compiled?(plan: Plan): void; allocated?(): void; freed?(): void; disposed?(): void } = {},
): SyncBackend<DataOf> {
  const openSync = (): SyncDevice<DataOf> => ({
    description: 'plain (evaluates expressions one at a time)',
    capabilities: {
      predictions: ['float64', 'float32', 'float16'],
      targets: ['float64', 'float32', 'float16', 'uint8', 'int32'],
      weights: ['float64', 'float32', 'float16'],
      deterministic: true,
      memory: 'device',
    },
    accuracy: {
      value: { float32: 1, float64: 8 },
      gradient: { float32: 1, float64: 8 },
      sum: 1e-12,
      subnormals: 'kept',
    },
    compile(plan): SyncKernel<DataOf> {
      watch.compiled?.(plan);
      return { run: (bindings) => runPlan(plan, bindings), dispose: () => undefined };
    },
    allocate(spec) {
      watch.allocated?.();
      return allocate(spec.dtype, sizeOf(spec.shape));
    },
    write: (buffer, data) => buffer.set(data),
    read: (buffer, into) => into.set(buffer),
    free: () => watch.freed?.(),
    dispose: () => watch.disposed?.(),
  });
  return { name: 'plain', openSync, open: openSync };
}
