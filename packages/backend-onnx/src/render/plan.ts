import type { Plan } from '@softxent/core/plan';
import type { NumberExpr } from '@softxent/core/program';
import { GraphBuilder, GraphError, type Dim, type GraphDType, type Value } from '../graph/index.js';
import { ExpressionRenderer, type Dialect } from './expressions.js';
import { dimsOf, formOf, type OperandForm } from './forms.js';

/** What {@link renderPlan} reads: values in canonical order, each with 1 on the axes along which it is repeated. */
export interface PlanOperands {
  operand(name: string): Value;
  /** The factor of all gradients, a scalar; asked for only where a gradient is wanted, after the totals. */
  scale(totals: ReadonlyMap<string, Value>): Value;
  /** 0, 1, 2, ... along the extent, as [1, extent, 1] in the plan's dtype. */
  position(): Value;
  /** Sizes (int64) of one number a row or one an element, for results that need expanding. */
  sizes(level: 'row' | 'element'): Value;
}

/** What {@link renderPlan} adds to a graph. */
export interface RenderedPlan {
  /** By output name, in canonical order and the output's dtype. */
  readonly outputs: ReadonlyMap<string, Value>;
  /**
   * By name. With a dialect that has float64: sums over all rows, scalars in float64. Else the rows themselves, in canonical order, which
   * the host has to add.
   */
  readonly totals: ReadonlyMap<string, Value>;
}

/** The dtype that a plan is computed in: float64 where any operand is, since float32 would cut its digits off. */
export function computeDType(plan: Plan): 'float32' | 'float64' {
  const wide = plan.precision === 'float64' || plan.operands.some(({ dtype }) => dtype === 'float64');
  return wide ? 'float64' : 'float32';
}

/** Adds the arithmetic of a plan to a graph. */
export function renderPlan(
  g: GraphBuilder,
  plan: Plan,
  leaves: PlanOperands,
  dialect: Dialect,
): RenderedPlan {
  const dtype = computeDType(plan);
  const operands = new Map<string, Value>();
  const reductions = new Map<string, Value>();
  const totals = new Map<string, Value>();
  let scale: Value | undefined;
  let position: Value | undefined;
  const expressions = new ExpressionRenderer(
    g,
    dtype,
    {
      operand(name) {
        let value = operands.get(name);
        if (value === undefined) {
          value = g.cast(leaves.operand(name), dtype);
          operands.set(name, value);
        }
        return value;
      },
      reduction(name) {
        const value = reductions.get(name);
        if (value === undefined)
          throw new GraphError(`the reduction '${name}' is read before it is computed`);
        return value;
      },
      parameter: () => (scale ??= g.cast(leaves.scale(totals), dtype)),
      position: () => (position ??= leaves.position()),
      extent: () => plan.layout.extent,
    },
    dialect,
  );
  const sizes = new Map<'row' | 'element', Value>();
  const full = (of: NumberExpr, level: 'row' | 'element'): Value => {
    const value = expressions.value(of);
    if (fills(value, level)) return value;
    let to = sizes.get(level);
    if (to === undefined) {
      to = leaves.sizes(level);
      sizes.set(level, to);
    }
    return g.expand(value, to, canonicalShape(level));
  };

  for (const { name, op, of } of plan.reductions) {
    const elements = full(of, 'element');
    if (op === 'max') reductions.set(name, g.reduceMax(elements, [1]));
    else reductions.set(name, g.cast(g.reduceSum(g.cast(elements, sumDType(dtype, dialect)), [1]), dtype));
  }
  for (const { name, of } of plan.totals) {
    const rows = full(of, 'row');
    totals.set(
      name,
      dialect.float64 ? g.reduceSum(g.cast(rows, 'float64'), undefined, { keepdims: false }) : rows,
    );
  }
  const outputs = new Map<string, Value>();
  for (const output of plan.outputs) {
    outputs.set(output.name, g.cast(full(output.of, output.level), output.dtype));
  }
  return { outputs, totals };
}

function sumDType(dtype: 'float32' | 'float64', dialect: Dialect): GraphDType {
  return dialect.float64 ? 'float64' : dtype;
}

const SYMBOLS = ['outer', 'extent', 'inner'] as const;

/** [outer, extent, inner] by name, with 1 for the extent of rows. */
export function canonicalShape(level: 'row' | 'element'): readonly Dim[] {
  return level === 'row' ? ['outer', 1, 'inner'] : SYMBOLS;
}

/** Whether a value varies along every axis of its level: what does not must be expanded before it is summed or given out. */
function fills(value: Value, level: 'row' | 'element'): boolean {
  return (
    value.shape?.length === 3 && value.shape.every((dim, i) => dim !== 1 || canonicalShape(level)[i] === 1)
  );
}

/** An input of a rendered graph, with what a run has to feed it. */
export interface GraphInput {
  readonly name: string;
  readonly dtype: GraphDType;
  /** The sizes of this plan; the graph itself takes any. */
  readonly shape: readonly number[];
  readonly source: 'operand' | 'scale' | 'position' | 'sizes';
  /** For sizes: the numbers to feed. */
  readonly sizes?: readonly number[];
}

/** A plan as a graph of its own. */
export interface PlanGraph {
  readonly graph: GraphBuilder;
  readonly inputs: readonly GraphInput[];
  /** Whether totals are sums (float64 scalars) or rows that the host has to add. */
  readonly totals: 'sums' | 'rows';
}

/** The name of a total among a graph's outputs. */
export const totalName = (name: string): string => `total:${name}`;

/**
 * The graph of a plan, with symbolic sizes: plans that differ in sizes alone give the same bytes, so one ONNX Runtime session serves
 * all of them. Outputs: the plan's own by name, and `total:NAME`.
 */
export function planGraph(plan: Plan, dialect: Dialect): PlanGraph {
  const g = new GraphBuilder({ name: plan.loss.kind });
  const dtype = computeDType(plan);
  const inputs: GraphInput[] = [];
  const input = (entry: GraphInput, shape: readonly Dim[]): Value => {
    inputs.push(entry);
    return g.input(entry.name, entry.dtype, shape);
  };
  const forms = new Map<string, OperandForm>(
    plan.operands.map((operand) => [operand.name, formOf(operand, plan.layout)]),
  );
  const sizesInput = (name: string, sizes: readonly number[]): Value =>
    input({ name, dtype: 'int64', shape: [sizes.length], source: 'sizes', sizes }, [sizes.length]);
  const rendered = renderPlan(
    g,
    plan,
    {
      operand(name) {
        const operand = plan.operands.find((candidate) => candidate.name === name);
        const form = forms.get(name);
        if (operand === undefined || form === undefined)
          throw new GraphError(`the plan reads no operand '${name}'`);
        const constant = plan.constants[name];
        if (constant !== undefined) return g.constant(dtype, constant, [1, constant.length, 1]);
        if (form.kind === 'direct') {
          const shape = form.dims.map((size, i) => (form.varies[i] ? size : 1));
          const symbolic = canonicalShape(operand.level).map((dim, i) => (form.varies[i] ? dim : 1));
          return input({ name, dtype: operand.dtype, shape, source: 'operand' }, symbolic);
        }
        const symbolic = form.own.map((size, i) => (size === 1 ? 1 : `${name}:${i}`));
        const value = input({ name, dtype: operand.dtype, shape: form.own, source: 'operand' }, symbolic);
        const expanded = g.expand(
          value,
          sizesInput(`${name}:sizes`, form.full),
          form.full.map(() => null),
        );
        return g.reshape(expanded, sizesInput(`${name}:shape`, form.dims), canonicalShape(operand.level));
      },
      scale: () => input({ name: 'scale', dtype, shape: [], source: 'scale' }, []),
      position: () =>
        input({ name: 'position', dtype, shape: [1, plan.layout.extent, 1], source: 'position' }, [
          1,
          'extent',
          1,
        ]),
      sizes: (level) => sizesInput(`${level}:sizes`, dimsOf(plan.layout, level)),
    },
    dialect,
  );
  for (const [name, value] of rendered.outputs) g.output(name, value);
  for (const [name, value] of rendered.totals) g.output(totalName(name), value);
  return { graph: g, inputs, totals: dialect.float64 ? 'sums' : 'rows' };
}
