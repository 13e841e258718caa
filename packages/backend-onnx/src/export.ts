import { OptionError, serialiseLoss, type Loss, type OperandSpecs } from '@softxent/core';
import { makePlan, type BoundPlan, type OperandPlan } from '@softxent/core/plan';
import { TRAITS } from './dialects.js';
import { GraphBuilder, type Dim, type GraphOptions, type Value } from './graph/index.js';
import { canonicalShape, computeDType, renderPlan, type PlanOperands } from './render/plan.js';

/** What {@link toOnnx} puts into a model. */
export interface ExportOptions {
  /** Operands by which gradients are outputs; default: the prediction. `[]`: the loss alone. */
  readonly gradients?: readonly string[];
  /**
   * `fixed` (default): the model takes exactly the shapes of the signature. `dynamic`: the first dimension of the prediction may have any
   * size; the signature's size there only says which operands have that dimension, and must not be 1.
   */
  readonly batch?: 'fixed' | 'dynamic';
  /** ONNX operator set and the like. Default: opset 17, IR 8, which runtimes since 2022 read. */
  readonly graph?: GraphOptions;
}

/**
 * A loss as an ONNX model that any ONNX runtime can run: the bytes of an .onnx file.
 *
 * Inputs: the operands by name, in the signature's dtypes and shapes. Outputs: `loss` (a scalar; one value a row with reduction `none`),
 * `gradient_NAME` for every operand asked for, and `invalid` (int64) where the loss validates. The gradient is that of the output `loss`:
 * multiply it by what comes from above. Sums are taken in float64; of the standard's operators only elementary ones are used.
 *
 * ```ts
 * const bytes = toOnnx(sigmoidCrossEntropy(), { logits: f32([8, 1, 64, 64]), targets: u8([8, 1, 64, 64]) });
 * ```
 *
 * @throws {ShapeError} {@link DTypeError} {@link OperandError} {@link OptionError} as sessions do
 */
export function toOnnx(
  loss: Loss,
  signature: OperandSpecs,
  options: ExportOptions = {},
): Uint8Array<ArrayBuffer> {
  return exportGraph(loss, signature, options).toBytes();
}

/**
 * Writes {@link toOnnx}'s model to a file (Node): under a temporary name first, then renamed, so that nobody reads half of it.
 */
export async function exportLoss(
  path: string,
  loss: Loss,
  signature: OperandSpecs,
  options: ExportOptions = {},
): Promise<void> {
  const bytes = toOnnx(loss, signature, options);
  const { open, rename, rm } = await import('node:fs/promises');
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function exportGraph(loss: Loss, signature: OperandSpecs, options: ExportOptions): GraphBuilder {
  const prediction = Object.keys(signature).find((name) => name === 'logits' || name === 'probabilities');
  const bound = makePlan(loss, signature, { gradients: options.gradients ?? [prediction ?? 'logits'] });
  const dynamic = options.batch === 'dynamic';
  if (dynamic) checkDynamic(loss, bound);
  const g = new GraphBuilder({
    name: loss.kind,
    opset: 17,
    irVersion: 8,
    description: `softxent loss ${serialiseLoss(loss)}`,
    ...options.graph,
  });
  new Exporter(g, bound, dynamic).run();
  return g;
}

function checkDynamic(loss: Loss, { shapes }: BoundPlan): void {
  const [batch] = shapes.element;
  const subject = `${loss.kind} export option batch`;
  if (batch === undefined || batch === 1) {
    throw new OptionError({
      subject,
      found: `'dynamic' with a first dimension of ${batch === undefined ? 'none' : 'size 1'}`,
      expected:
        'a signature whose first dimension has another size, so that broadcast operands can be told apart',
    });
  }
  if (shapes.axes.includes(0)) {
    throw new OptionError({
      subject,
      found: "'dynamic' with the first axis reduced",
      expected: 'an axis from 1 on',
    });
  }
}

class Exporter {
  readonly #g: GraphBuilder;
  readonly #bound: BoundPlan;
  readonly #dynamic: boolean;
  #prediction: Value | undefined;

  constructor(g: GraphBuilder, bound: BoundPlan, dynamic: boolean) {
    this.#g = g;
    this.#bound = bound;
    this.#dynamic = dynamic;
  }

  run(): void {
    const g = this.#g;
    const { plan, shapes, divisor } = this.#bound;
    const values = new Map<string, Value>();
    // Every operand becomes an input, in the signature's order; the prediction first, whose sizes the others are given.
    for (const operand of plan.operands) {
      if (plan.constants[operand.name] === undefined) values.set(operand.name, this.#input(operand));
    }
    let divideBy: Value | undefined;
    const divisorValue = (totals: ReadonlyMap<string, Value>): Value =>
      (divideBy ??=
        divisor.kind === 'total' ? totals.get(divisor.name)! : this.#staticDivisor(divisor.value));
    const leaves: PlanOperands = {
      operand(name) {
        const constant = plan.constants[name];
        if (constant !== undefined) return g.constant(computeDType(plan), constant, [1, constant.length, 1]);
        return values.get(name)!;
      },
      scale: (totals) => orZero(g, g.scalar(1, 'float64'), divisorValue(totals)),
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
    const { outputs, totals } = renderPlan(g, plan, leaves, TRAITS.cpu.dialect);
    const total = totals.get('loss');
    if (total !== undefined) {
      g.output('loss', g.cast(orZero(g, total, divisorValue(totals)), plan.precision));
    }
    for (const { name, shape } of plan.outputs) {
      const natural = name === 'value' ? shapes.row : shape;
      g.output(
        name === 'value' ? 'loss' : name.replace(':', '_'),
        g.reshape(outputs.get(name)!, this.#withBatch(natural), this.#named(natural)),
      );
    }
    const invalid = totals.get('invalid');
    if (invalid !== undefined) g.output('invalid', g.cast(invalid, 'int64'));
  }

  #input({ name, dtype, shape, level, access }: OperandPlan): Value {
    const g = this.#g;
    const { shapes, plan } = this.#bound;
    const isBatched =
      this.#dynamic && shape.length === shapes.element.length && shape[0] === shapes.element[0];
    const isRow =
      this.#dynamic && level === 'row' && shape.length === shapes.row.length && shape[0] === shapes.row[0];
    let value = g.input(name, dtype, isBatched || isRow ? ['batch', ...shape.slice(1)] : shape);
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
    if (!this.#dynamic || reduction === 'none' || reduction === 'sum') return g.scalar(value, 'float64');
    const size = g.squeeze(g.cast(this.#batchSize(), 'float64'), [0]);
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
