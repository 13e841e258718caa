/** One run of a plan: for each row its reductions, its outputs and its part of every total. */
import { float16ToNumber, numberToFloat16, type Bindings, type DataOf, type DType } from '@softxent/core';
import { indexOf, sumOf, type Plan } from '@softxent/core/plan';
import { evaluate, type Place } from './evaluate.js';

/** A number as stored; half precision is held as bits. */
function load(data: DataOf, dtype: DType, index: number): number {
  const stored = data[index] as number;
  return dtype === 'float16' ? float16ToNumber(stored) : stored;
}

/** Runs a plan once; returns its totals in their order. */
export function runPlan(plan: Plan, { operands, outputs, scale }: Bindings<DataOf>): readonly number[] {
  const { outer, extent, inner } = plan.layout;
  const byName = new Map(plan.operands.map((operand) => [operand.name, operand]));
  const read = (name: string, row: number, element: number): number => {
    const operand = byName.get(name);
    if (operand === undefined) return NaN;
    const index = indexOf(operand.access, operand.level === 'row' ? row : element);
    return plan.constants[name]?.[index] ?? load(operands[name] as DataOf, operand.dtype, index);
  };
  const sums = plan.totals.map((): number[] => []);
  for (let row = 0; row < outer * inner; row++) {
    const first = Math.floor(row / inner) * extent * inner + (row % inner);
    const reductions: Record<string, number> = {};
    const places = Array.from({ length: extent }, (_, position): Place => {
      return { row, element: first + position * inner, position, reductions, scale, read };
    });
    const ofRow: Place = { row, element: row, position: 0, reductions, scale, read };
    for (const { name, op, of } of plan.reductions) {
      const values = places.map((place) => evaluate(of, place));
      reductions[name] = op === 'sum' ? sumOf(values) : Math.max(...values);
    }
    for (const { name, level, dtype, of } of plan.outputs) {
      for (const place of level === 'row' ? [ofRow] : places) {
        const value = evaluate(of, place);
        (outputs[name] as DataOf)[place.element] = dtype === 'float16' ? numberToFloat16(value) : value;
      }
    }
    plan.totals.forEach(({ of }, i) => sums[i]?.push(evaluate(of, ofRow)));
  }
  return sums.map((values) => sumOf(values));
}
