import type { Plan } from '@softxent/core/plan';
import type { NumberExpr } from '@softxent/core/program';
import type { TensorFlow, TfTensor } from '../tf.js';
import type { Dialect } from './dialect.js';
import { ExpressionRenderer, type Value } from './expressions.js';
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

  return (inputs) => {
    const reductions = new Map<string, TfTensor>();
    const expressions = new ExpressionRenderer(
      tf,
      dialect,
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
        return op === 'max' ? tf.max(tensor, 1, true) : sumAlongExtent(tf, tensor, dialect);
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

// Up to this many numbers tf.sum adds at once: at most 15 roundings.
const AT_ONCE = 16;

/**
 * The sum along axis 1. In float32 a running sum of n numbers is off by up to n/2^24 of them; adding the upper half to the lower
 * again and again, by (log2 n + 11)/2^24.
 */
function sumAlongExtent(tf: TensorFlow, elements: TfTensor, dialect: Dialect): TfTensor {
  let rest = elements;
  const [outer = 1, extent = 1, inner = 1] = elements.shape;
  let count = extent;
  while (!dialect.wideSums && count > AT_ONCE) {
    const half = Math.floor(count / 2);
    const part = (from: number, size: number): TfTensor => tf.slice(rest, [0, from, 0], [outer, size, inner]);
    const sums = tf.add(part(0, half), part(half, half));
    // An odd one out joins the first.
    rest = count % 2 === 0 ? sums : addToFirst(tf, sums, part(count - 1, 1), half);
    count = half;
  }
  return tf.sum(rest, 1, true);
}

function addToFirst(tf: TensorFlow, sums: TfTensor, one: TfTensor, count: number): TfTensor {
  const isFirst = tf.reshape(tf.less(tf.range(0, count), 1), [1, count, 1]);
  return tf.where(isFirst, tf.add(sums, one), sums);
}
