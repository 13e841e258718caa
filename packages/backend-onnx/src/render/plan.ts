import type { Layout, Plan } from '@softxent/core/plan';
import type { NumberExpr } from '@softxent/core/program';
import { GraphBuilder, GraphError, type Dim, type GraphDType, type Value } from '../graph/index.js';
import { ExpressionRenderer, type Dialect } from './expressions.js';
import { dimsOf, formOf, type OperandForm } from './forms.js';

/** What {@link renderPlan} reads: values in canonical order, each with 1 on the axes along which it is repeated. */
export interface PlanOperands {
  operand(name: string): Value;
  /** The factor of all gradients, one number; asked for only where a gradient is wanted, after the totals. */
  scale(totals: ReadonlyMap<string, Value>): Value;
  /** 0, 1, 2, ... along the extent, as [1, extent, 1] in the plan's dtype. */
  position(): Value;
  /** Whole numbers that follow from the sizes (int64). */
  sizes(of: SizesOf): Value;
  /**
   * Whether long sums are cut into blocks of {@link BLOCK}, which threads share out evenly and which the host adds in a fixed order. Else every
   * sum is one operation.
   */
  readonly blocks: boolean;
}

/** The numbers that {@link PlanOperands.sizes} is asked for; {@link sizesOf} gives them for a layout. */
export type SizesOf = 'row' | 'element' | 'rowPads' | 'elementPads' | 'elementBlocks';

/** Elements in a block of a long sum. */
export const BLOCK = 4096;

/** Sizes of one number a row or one an element, and of what is padded to whole blocks along the extent. */
export function sizesOf(layout: Layout, of: SizesOf): readonly number[] {
  const { outer, extent, inner } = layout;
  const blocks = Math.ceil(extent / BLOCK);
  switch (of) {
    case 'row':
    case 'element':
      return dimsOf(layout, of);
    case 'rowPads':
      return [0, (BLOCK - ((outer * inner) % BLOCK)) % BLOCK];
    case 'elementPads':
      return [0, 0, 0, 0, blocks * BLOCK - extent, 0];
    case 'elementBlocks':
      return [outer, blocks, BLOCK, inner];
  }
}

/** What {@link renderPlan} adds to a graph. */
export interface RenderedPlan {
  /** By output name, in canonical order and the output's dtype. */
  readonly outputs: ReadonlyMap<string, Value>;
  /**
   * By name, what adds up to the total: sums of blocks (or the whole sum, a scalar) in float64 where the dialect has it, else the rows.
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
  const full = (of: NumberExpr, level: 'row' | 'element'): Value => {
    const value = expressions.value(of);
    return fills(value, level) ? value : g.expand(value, leaves.sizes(level), canonicalShape(level));
  };
  const wide = (value: Value): Value => (dialect.float64 ? g.cast(value, 'float64') : value);
  const sumAlong = (elements: Value, axis: number, keepdims: boolean): Value => {
    if (plan.layout.inner !== 1 || !dialect.slowLastOnes) return g.reduceSum(elements, [axis], { keepdims });
    return g.unsqueeze(g.reduceSum(g.squeeze(elements, [axis + 1]), [axis], { keepdims }), [-1]);
  };
  const sumAlongExtent = (elements: Value): Value => {
    if (!leaves.blocks || plan.layout.extent <= BLOCK) return sumAlong(wide(elements), 1, true);
    const padded = g.pad(elements, leaves.sizes('elementPads'));
    const cut = g.reshape(padded, leaves.sizes('elementBlocks'), ['outer', 'blocks', BLOCK, 'inner']);
    return sumAlong(sumAlong(wide(cut), 2, false), 1, true);
  };
  const sumOfRows = (rows: Value): Value => {
    if (!dialect.float64) return rows;
    if (!leaves.blocks) return g.reduceSum(wide(rows), undefined, { keepdims: false });
    const padded = g.pad(g.reshape(rows, [-1]), leaves.sizes('rowPads'));
    return g.reduceSum(wide(g.reshape(padded, [-1, BLOCK])), [1], { keepdims: false });
  };

  for (const { name, op, of } of plan.reductions) {
    const elements = full(of, 'element');
    if (op === 'max') reductions.set(name, g.reduceMax(elements, [1]));
    else reductions.set(name, g.cast(sumAlongExtent(elements), dtype));
  }
  for (const { name, of } of plan.totals) totals.set(name, sumOfRows(full(of, 'row')));
  const outputs = new Map<string, Value>();
  for (const output of plan.outputs) {
    outputs.set(output.name, g.cast(full(output.of, output.level), output.dtype));
  }
  return { outputs, totals };
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
}

/** The name of a total among a graph's outputs. */
export const totalName = (name: string): string => `total:${name}`;

/**
 * The graph of a plan, with symbolic sizes: plans that differ in sizes alone give the same bytes, so one ONNX Runtime session serves
 * all of them. Outputs: the plan's own by name, and `total:NAME`: numbers that the host adds up.
 */
export function planGraph(plan: Plan, dialect: Dialect): PlanGraph {
  const numberRank = dialect.slowLastOnes ? 3 : 0;
  const g = new GraphBuilder({ name: plan.loss.kind, numberRank });
  const one = Array.from({ length: numberRank }, () => 1);
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
  const sizes = new Map<SizesOf, Value>();
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
      scale: () => input({ name: 'scale', dtype, shape: one, source: 'scale' }, one),
      position: () =>
        input({ name: 'position', dtype, shape: [1, plan.layout.extent, 1], source: 'position' }, [
          1,
          'extent',
          1,
        ]),
      sizes(of) {
        let value = sizes.get(of);
        if (value === undefined) {
          value = sizesInput(`sizes:${of}`, sizesOf(plan.layout, of));
          sizes.set(of, value);
        }
        return value;
      },
      blocks: true,
    },
    dialect,
  );
  for (const [name, value] of rendered.outputs) g.output(name, value);
  for (const [name, value] of rendered.totals) g.output(totalName(name), value);
  return { graph: g, inputs };
}
