import type { Bindings, DataOf, SyncKernel } from '@softxent/core';
import type { Plan } from '@softxent/core/plan';

/** What one pass over the rows is given: data in the order of the plan's operands and outputs. */
export interface RowBindings {
  readonly operands: readonly DataOf[];
  readonly outputs: readonly DataOf[];
  readonly scale: number;
}

/** Runs over all rows and returns the totals. */
export type RowKernel = (bindings: RowBindings) => readonly number[];

/** A kernel from its function: puts operands, constants and outputs in order. */
export function kernelOf(plan: Plan, rows: RowKernel): SyncKernel<DataOf> {
  const constants = Object.fromEntries(
    Object.entries(plan.constants).map(([name, values]) => [
      name,
      plan.precision === 'float64' ? Float64Array.from(values) : Float32Array.from(values),
    ]),
  );
  return {
    run({ operands, outputs, scale }: Bindings<DataOf>) {
      return rows({
        operands: plan.operands.map(({ name }) => constants[name] ?? (operands[name] as DataOf)),
        outputs: plan.outputs.map(({ name }) => outputs[name] as DataOf),
        scale,
      });
    },
    dispose() {
      // Typed arrays belong to the garbage collector.
    },
  };
}
