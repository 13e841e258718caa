import { OptionError, ShapeError, type Loss, type TensorSpec } from '@softxent/core';
import { makePlan, type OperandPlan } from '@softxent/core/plan';
import { TRAITS } from './dialects.js';
import type { GraphBuilder, Value } from './graph/index.js';
import { computeDType, renderPlan } from './render/plan.js';
import type { Provider } from './runtime/index.js';

/** What {@link embedLoss} is told. */
export interface EmbedOptions {
  /** Operands by which gradients are wanted. Default: none. */
  readonly gradients?: readonly string[];
  /** The provider that the graph is for: some lack operators or digits that others have. Default `'cpu'`. */
  readonly provider?: Provider;
}

/** A loss in a graph. */
export interface EmbeddedLoss {
  /** One value a row (an element, for losses of elements), in the shape of the rows. */
  readonly value: Value;
  /** By operand: the gradients of the values, in the operand's shape. */
  readonly gradients: ReadonlyMap<string, Value>;
}

/**
 * Adds a loss with reduction `none` to a graph that holds more, a network for example: its arithmetic on values that are there already.
 * Nodes that turn out not to be needed are left out when the graph is serialised.
 *
 * @throws {OptionError} for another reduction
 * @throws {ShapeError} where a size of an operand is not known, and otherwise as sessions do
 */
export function embedLoss(
  g: GraphBuilder,
  loss: Loss,
  operands: Readonly<Record<string, Value>>,
  options: EmbedOptions = {},
): EmbeddedLoss {
  if (loss.options.reduction !== 'none') {
    throw new OptionError({
      subject: `${loss.kind} option reduction`,
      found: `'${loss.options.reduction}'`,
      expected: "'none' in a graph that holds more",
    });
  }
  const specs = Object.fromEntries(
    Object.entries(operands).map(([name, value]) => [name, specOf(name, value)]),
  );
  const { gradients = [], provider = 'cpu' } = options;
  const { plan, shapes } = makePlan(loss, specs, { gradients });
  const { outer, extent, inner } = plan.layout;
  const canonical = (operand: OperandPlan): Value => {
    let value = operands[operand.name]!;
    const rows = operand.level === 'row';
    if (operand.access.kind === 'strided') {
      if (rows && shapes.axes.length > 0 && operand.shape.length > shapes.row.length) {
        value = g.squeeze(value, shapes.axes);
      }
      const full = rows ? shapes.row : shapes.element;
      value = g.expand(value, g.ints(full), full);
    }
    return g.reshape(value, [outer, rows ? 1 : extent, inner]);
  };
  const { outputs } = renderPlan(
    g,
    plan,
    {
      operand(name) {
        const constant = plan.constants[name];
        if (constant !== undefined) return g.constant(computeDType(plan), constant, [1, constant.length, 1]);
        return canonical(plan.operands.find((operand) => operand.name === name)!);
      },
      scale: () => g.scalar(1, computeDType(plan)),
      position: () =>
        g.constant(
          computeDType(plan),
          Array.from({ length: extent }, (_, i) => i),
          [1, extent, 1],
        ),
      sizes: (of) => g.ints([outer, of === 'row' ? 1 : extent, inner]),
      // Along a class axis; a sum of float32 numbers of one size loses nothing that counts, and float64 costs time.
      blocks: false,
    },
    { ...TRAITS[provider].dialect, float64: false },
  );
  const shaped = (name: string, shape: readonly number[]): Value => g.reshape(outputs.get(name)!, shape);
  return {
    value: shaped('value', shapes.row),
    gradients: new Map(
      gradients.map((name) => [name, shaped(`gradient:${name}`, operands[name]!.shape as readonly number[])]),
    ),
  };
}

function specOf(name: string, { dtype, shape }: Value): TensorSpec {
  const sizes = shape?.filter((size) => typeof size === 'number');
  if (sizes === undefined || sizes.length !== shape?.length) {
    throw new ShapeError({
      subject: name,
      found: 'a size that is known only when the graph runs',
      expected: 'sizes that are known',
    });
  }
  return { dtype, shape: sizes } as TensorSpec;
}
