import type { Plan } from '@softxent/core/plan';
import type { NumberExpr } from '@softxent/core/program';
import type { TensorFlow, TfTensor } from '../tf.js';
import type { Dialect } from './dialect.js';
import { ExpressionRenderer, type Value } from './expressions.js';
import { Functions } from './functions.js';
import { dimsOf, formOf, type OperandForm } from './forms.js';

/** Where the numbers of a run come from. */
export interface PlanInputs {
  /** The operand's numbers as float32, in any shape. The renderer does not dispose of it. */
  operand(name: string): TfTensor;
  readonly scale: number;
}

/** What a plan computes, as tensors that the caller disposes of. */
export interface PlanResults {
  /** In the order of `plan.outputs`: float32, in canonical order. */
  readonly outputs: readonly TfTensor[];
  /** In the order of `plan.totals`: rows for the host to add, and how many rows each of their numbers stands for. */
  readonly totals: readonly { readonly rows: TfTensor; readonly times: number }[];
}

/** Prepares what depends on the plan alone; the result computes it for the inputs of a run. */
export function renderPlan(
  tf: TensorFlow,
  plan: Plan,
  dialect: Dialect,
): (inputs: PlanInputs) => PlanResults {
  const forms = new Map<string, OperandForm>(
    plan.operands.map((operand) => [operand.name, formOf(operand, plan.layout)]),
  );
  const roots: NumberExpr[] = [...plan.reductions, ...plan.totals, ...plan.outputs].map(({ of }) => of);
  const { extent } = plan.layout;
  const functions = new Functions(tf, dialect);

  return (inputs) => {
    const reductions = new Map<string, TfTensor>();
    const expressions = new ExpressionRenderer(
      tf,
      functions,
      {
        operand: (name) =>
          tf.tidy(() => shaped(tf, operandTensor(tf, plan, inputs, name), forms.get(name) as OperandForm)),
        reduction: (name) => (reductions.get(name) as TfTensor).clone(),
        scale: () => inputs.scale,
        position: () => tf.tidy(() => tf.reshape(tf.range(0, extent), [1, extent, 1])),
      },
      roots,
    );
    for (const { name, op, of } of plan.reductions) {
      const elements = expressions.take(of);
      const reduced = tf.tidy(() => {
        const tensor = asTensor(tf, elements);
        if (tensor.shape[1] !== extent) return op === 'max' ? tensor.clone() : tf.mul(tensor, extent);
        return op === 'max' ? functions.max(tensor) : functions.sum(tensor);
      });
      if (typeof elements !== 'number') elements.dispose();
      reductions.set(name, reduced);
    }
    const rowCount = plan.layout.outer * plan.layout.inner;
    const totals = plan.totals.map(({ of }) => {
      const value = expressions.take(of);
      const rows = typeof value === 'number' ? tf.scalar(value) : value;
      return { rows, times: rowCount / rows.size };
    });
    const outputs = plan.outputs.map(({ of, level }) => {
      const value = expressions.take(of);
      const dims = dimsOf(plan.layout, level);
      const full = tf.tidy(() => {
        const tensor = asTensor(tf, value);
        return tensor.size === dims[0] * dims[1] * dims[2] ? tensor.clone() : tf.broadcastTo(tensor, dims);
      });
      if (typeof value !== 'number') value.dispose();
      return full;
    });
    for (const reduction of reductions.values()) reduction.dispose();
    return { outputs, totals };
  };
}

/** A number as a tensor of rank 3. */
function asTensor(tf: TensorFlow, value: Value): TfTensor {
  return typeof value === 'number' ? tf.tensor([value], [1, 1, 1], 'float32') : value;
}

function operandTensor(tf: TensorFlow, plan: Plan, inputs: PlanInputs, name: string): TfTensor {
  const constant = plan.constants[name];
  return constant === undefined
    ? inputs.operand(name)
    : tf.tensor(Float32Array.from(constant), [constant.length], 'float32');
}

function shaped(tf: TensorFlow, tensor: TfTensor, { own, full, result }: OperandForm): TfTensor {
  const mine = tf.reshape(tensor, [...own]);
  const repeats = own.some((size, i) => size !== full[i]);
  return tf.reshape(repeats ? tf.broadcastTo(mine, [...full]) : mine, result);
}
