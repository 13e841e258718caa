import { type BoundPlan, type OperandPlan } from '@softxent/core/plan';
import type { Dim, GraphBuilder, Value } from '../graph/index.js';
import type { Dialect } from './expressions.js';
import { canonicalShape, computeDType, renderPlan, type PlanOperands } from './plan.js';

/** A loss's nodes in a graph, in the shapes that its users know. */
export interface LossNodes {
  /** The loss: a scalar, or one number a row with reduction `none`. */
  readonly loss: Value;
  /** Its derivatives by operand name, in the operands' shapes and dtypes. */
  readonly gradients: Readonly<Record<string, Value>>;
  /** How many targets are invalid (int64), where the loss validates. */
  readonly invalid?: Value;
}

/** How a loss is put into a graph. */
export interface NaturalOptions {
  readonly dialect: Dialect;
  /** Whether the first dimension of the prediction is known only when the graph runs. */
  readonly dynamic: boolean;
  /** What the gradients are multiplied by; default 1. */
  readonly upstream?: Value | number;
}

/** Puts a bound loss into a graph: its operands in their own shapes, reduction and divisor included. */
export class NaturalRenderer {
  readonly #g: GraphBuilder;
  readonly #bound: BoundPlan;
  readonly #options: NaturalOptions;
  readonly #dynamic: boolean;
  /** The dtype of sums. */
  readonly #wide: 'float32' | 'float64';
  #prediction: Value | undefined;

  constructor(g: GraphBuilder, bound: BoundPlan, options: NaturalOptions) {
    this.#g = g;
    this.#bound = bound;
    this.#options = options;
    this.#dynamic = options.dynamic;
    this.#wide = options.dialect.float64 ? 'float64' : 'float32';
  }

  /** The operands that values are wanted for, in the signature's order. */
  get operands(): readonly OperandPlan[] {
    const { operands, constants } = this.#bound.plan;
    return operands.filter(({ name }) => constants[name] === undefined);
  }

  /** The shape of an operand: that of the signature, with the name `batch` for a first dimension that is not known. */
  shapeOf({ shape, level }: OperandPlan): readonly Dim[] {
    const { shapes } = this.#bound;
    const batched = [shapes.element, ...(level === 'row' ? [shapes.row] : [])].some(
      (other) => shape.length === other.length && shape[0] === other[0],
    );
    return this.#dynamic && batched ? ['batch', ...shape.slice(1)] : shape;
  }

  /** Adds the nodes. `values` holds one for each of {@link operands}, in its own shape. */
  render(values: ReadonlyMap<string, Value>): LossNodes {
    const g = this.#g;
    const { plan, shapes, divisor } = this.#bound;
    // The prediction comes first: its sizes are what others are expanded to.
    const canonical = new Map(
      this.operands.map((operand) => [operand.name, this.#canonical(operand, values)]),
    );
    let divideBy: Value | undefined;
    const divisorValue = (totals: ReadonlyMap<string, Value>): Value =>
      (divideBy ??=
        divisor.kind === 'total' ? this.#sum(totals.get(divisor.name)!) : this.#staticDivisor(divisor.value));
    const leaves: PlanOperands = {
      operand(name) {
        const constant = plan.constants[name];
        if (constant !== undefined) return g.constant(computeDType(plan), constant, [1, constant.length, 1]);
        return canonical.get(name)!;
      },
      scale: (totals) => orZero(g, this.#upstream(), divisorValue(totals)),
      position: () =>
        g.constant(
          computeDType(plan),
          Array.from({ length: plan.layout.extent }, (_, i) => i),
          [1, plan.layout.extent, 1],
        ),
      // Never pads or blocks: every sum is one operation here.
      sizes: (of) => this.#canonicalSizes(of === 'row' ? 'row' : 'element'),
      blocks: false,
    };
    const { outputs, totals } = renderPlan(g, plan, leaves, this.#options.dialect);
    const natural = (name: string, shape: readonly number[]): Value =>
      g.reshape(outputs.get(name)!, this.#withBatch(shape), this.#named(shape));
    const total = totals.get('loss');
    const loss =
      total === undefined
        ? natural('value', shapes.row)
        : g.cast(orZero(g, this.#sum(total), divisorValue(totals)), plan.precision);
    const gradients = plan.outputs.flatMap(({ name, shape }) =>
      name === 'value' ? [] : [[name.slice('gradient:'.length), natural(name, shape)] as const],
    );
    const invalid = totals.get('invalid');
    return {
      loss,
      gradients: Object.fromEntries(gradients),
      ...(invalid === undefined ? {} : { invalid: g.cast(this.#sum(invalid), 'int64') }),
    };
  }

  #canonical(operand: OperandPlan, values: ReadonlyMap<string, Value>): Value {
    const g = this.#g;
    const { name, shape, level, access } = operand;
    const { shapes, plan } = this.#bound;
    let value = values.get(name)!;
    this.#prediction ??= value;
    if (access.kind === 'strided') {
      const rows = level === 'row' && shapes.axes.length > 0;
      if (rows && shape.length > shapes.row.length) value = g.squeeze(value, shapes.axes);
      value = g.expand(value, this.#naturalSizes(rows), this.#named(rows ? shapes.row : shapes.element));
    }
    const { outer, extent, inner } = plan.layout;
    const sizes = [outer, level === 'row' ? 1 : extent, inner];
    if (this.#dynamic) sizes[shapes.axes.length === 0 ? 2 : 0] = -1;
    return g.reshape(value, sizes, canonicalShape(level));
  }

  /** A total as a scalar: it is one already where sums are taken in float64. */
  #sum(total: Value): Value {
    return total.rank === 0 ? total : this.#g.reduceSum(total, undefined, { keepdims: false });
  }

  #upstream(): Value {
    const { upstream = 1 } = this.#options;
    return typeof upstream === 'number'
      ? this.#g.scalar(upstream, this.#wide)
      : this.#g.cast(upstream, this.#wide);
  }

  /** The sizes of the prediction, or of its rows, as a value. */
  #naturalSizes(rows: boolean): Value {
    const g = this.#g;
    const { shapes } = this.#bound;
    if (!this.#dynamic) return g.ints(rows ? shapes.row : shapes.element);
    const all = g.shapeOf(this.#prediction!);
    if (!rows) return all;
    const kept = [...shapes.element.keys()].filter((axis) => !shapes.axes.includes(axis));
    return g.gather(all, g.ints(kept));
  }

  #canonicalSizes(level: 'row' | 'element'): Value {
    const g = this.#g;
    const { plan, shapes } = this.#bound;
    const { outer, extent, inner } = plan.layout;
    const sizes = [outer, level === 'row' ? 1 : extent, inner];
    if (!this.#dynamic) return g.ints(sizes);
    const at = shapes.axes.length === 0 ? 2 : 0;
    const perBatch = sizes[at]! / shapes.element[0]!;
    const own = g.mul(this.#batchSize(), g.ints([perBatch]));
    return g.concat(
      sizes.map((size, i) => (i === at ? own : g.ints([size]))),
      0,
    );
  }

  #batchSize(): Value {
    return this.#g.gather(this.#g.shapeOf(this.#prediction!), this.#g.ints([0]));
  }

  /** A divisor that follows from the sizes: it is a multiple of the batch, or does not depend on it. */
  #staticDivisor(value: number): Value {
    const g = this.#g;
    const { shapes, plan } = this.#bound;
    const { reduction } = plan.loss.options;
    if (!this.#dynamic || reduction === 'none' || reduction === 'sum') return g.scalar(value, this.#wide);
    const size = g.squeeze(g.cast(this.#batchSize(), this.#wide), [0]);
    return g.mul(size, value / shapes.element[0]!);
  }

  #withBatch(shape: readonly number[]): readonly number[] {
    return this.#dynamic ? [-1, ...shape.slice(1)] : shape;
  }

  #named(shape: readonly number[]): readonly Dim[] {
    return this.#dynamic ? ['batch', ...shape.slice(1)] : shape;
  }
}

/** a / b, and 0 where b is 0. */
function orZero(g: GraphBuilder, a: Value, b: Value): Value {
  return g.where(g.equal(b, 0), 0, g.div(a, b));
}
