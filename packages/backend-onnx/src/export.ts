import {
  OptionError,
  serialiseLoss,
  type DType,
  type Loss,
  type OperandSpecs,
  type TensorSpec,
} from '@softxent/core';
import { makePlan, type BoundPlan } from '@softxent/core/plan';
import { TRAITS } from './dialects.js';
import { GraphBuilder, GraphError, type GraphOptions, type Value } from './graph/index.js';
import { NaturalRenderer, type LossNodes } from './render/natural.js';
import type { Provider } from './runtime/index.js';

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
 * @throws {ShapeError} or DTypeError, OperandError, OptionError, as sessions do
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
 * A device or a pipe is written to, a link stays one.
 */
export async function exportLoss(
  path: string,
  loss: Loss,
  signature: OperandSpecs,
  options: ExportOptions = {},
): Promise<void> {
  const bytes = toOnnx(loss, signature, options);
  // Not an import: bundlers for browsers stop at one, even where it is never reached.
  const { open, realpath, rename, rm, stat, writeFile } = process.getBuiltinModule('node:fs/promises');
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === false) return writeFile(path, bytes);
  const target = found ? await realpath(path) : path;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function exportGraph(loss: Loss, signature: OperandSpecs, options: ExportOptions): GraphBuilder {
  const bound = makePlan(loss, signature, { gradients: options.gradients ?? [predictionIn(signature)] });
  const dynamic = options.batch === 'dynamic';
  if (dynamic) checkDynamic(loss, bound);
  const g = new GraphBuilder({
    name: loss.kind,
    opset: 17,
    irVersion: 8,
    description: `softxent loss ${serialiseLoss(loss)}`,
    ...options.graph,
  });
  const renderer = new NaturalRenderer(g, bound, { dialect: TRAITS.cpu.dialect, dynamic });
  const values = renderer.operands.map(
    (operand) => [operand.name, g.input(operand.name, operand.dtype, renderer.shapeOf(operand))] as const,
  );
  const { loss: value, gradients, invalid } = renderer.render(new Map(values));
  g.output('loss', value);
  for (const [name, gradient] of Object.entries(gradients)) g.output(`gradient_${name}`, gradient);
  if (invalid !== undefined) g.output('invalid', invalid);
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

/** How {@link addLoss} puts a loss into a graph. */
export interface AddLossOptions {
  /** Operands by which gradients are wanted; default: the prediction. */
  readonly gradients?: readonly string[];
  /** What the gradients are multiplied by: a scalar of the graph, or a number; default 1. */
  readonly upstream?: Value | number;
  /** The provider that the graph is for; default `cpu`, whose form also suits `cuda` and `wasm`. `webgpu` has no float64. */
  readonly provider?: Provider;
}

/**
 * Adds a loss and its gradients to a graph that is being built (a network's training graph, say). The operands are values of
 * the graph with known sizes.
 *
 * ```ts
 * const { loss, gradients } = addLoss(g, softmaxCrossEntropy(), { logits, targets });
 * g.output('loss', loss);
 * const dLogits = gradients['logits'];
 * ```
 *
 * @throws {GraphError} for an operand whose sizes are not known
 * @throws {ShapeError} or DTypeError, OperandError, OptionError, as sessions do
 */
export function addLoss(
  g: GraphBuilder,
  loss: Loss,
  operands: Readonly<Record<string, Value>>,
  options: AddLossOptions = {},
): LossNodes {
  const specs = Object.entries(operands).map(([name, value]) => [name, specOf(name, value)] as const);
  const signature = Object.fromEntries(specs);
  const bound = makePlan(loss, signature, { gradients: options.gradients ?? [predictionIn(signature)] });
  const { dialect } = TRAITS[options.provider ?? 'cpu'];
  const { upstream } = options;
  const renderer = new NaturalRenderer(g, bound, {
    dialect,
    dynamic: false,
    ...(upstream === undefined ? {} : { upstream }),
  });
  return renderer.render(new Map(Object.entries(operands)));
}

function predictionIn(signature: OperandSpecs): string {
  return Object.keys(signature).find((name) => name === 'logits' || name === 'probabilities') ?? 'logits';
}

function specOf(name: string, { dtype, shape }: Value): TensorSpec {
  const sizes = shape?.filter((dim) => typeof dim === 'number');
  if (shape === null || sizes?.length !== shape.length) {
    throw new GraphError(`addLoss: the sizes of '${name}' are not all known`);
  }
  // Dtypes that no operand may have are refused, by name, when the plan is made.
  return { dtype: dtype as DType, shape: sizes };
}
