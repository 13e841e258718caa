import type { NumberExpr, TruthExpr } from '../program/expression.js';
import type { Program } from '../program/program.js';
import type { DType, TensorSpec } from '../tensor.js';

/**
 * What the element (or row) losses become:
 *
 * | reduction | value |
 * | --- | --- |
 * | `none` | a tensor, one value per row |
 * | `sum` | their sum (Caffe NONE) |
 * | `mean` | divided by the number of rows, masked ones included (Caffe FULL) |
 * | `mean-valid` | divided by the number of unmasked rows (Caffe VALID) |
 * | `mean-batch` | divided by the first dimension of the prediction (Caffe BATCH_SIZE) |
 * | `mean-weight` | divided by the sum of `weights` over unmasked rows (their number where no weights are given) |
 *
 * A divisor of 0 gives value 0 and gradient 0.
 */
export type Reduction = 'none' | 'sum' | 'mean' | 'mean-valid' | 'mean-batch' | 'mean-weight';

/** Every reduction. */
export const reductions: readonly Reduction[] = [
  'none',
  'sum',
  'mean',
  'mean-valid',
  'mean-batch',
  'mean-weight',
];

/**
 * What to do about targets that are NaN, outside [0, 1], no class label, or rows that do not sum to 1:
 * `off` computes as if they were right; `count` counts them in the same pass and reports the number; `throw` raises
 * {@link InvalidTargetsError} when there is one. Masked and ignored ones are not looked at.
 */
export type Validate = 'off' | 'count' | 'throw';

/** Options that every loss takes. Whether weights and a mask are applied is said by passing those operands. */
export interface CommonOptions<R extends Reduction = Reduction> {
  /** Default `mean`. */
  readonly reduction?: R;
  /**
   * Targets that equal this stored value exactly do not count: loss 0, gradient 0, not valid. It is compared with the
   * element as stored (0..255 for uint8, rounded to the dtype for floats); NaN matches NaN. A row of soft class targets
   * is ignored where every one of them equals it.
   */
  readonly ignoreValue?: number;
  /** Default `off`. */
  readonly validate?: Validate;
}

/** The key under which a loss keeps its definition: not enumerable to JSON, so a loss serialises as kind and options. */
export const definitionOf: unique symbol = Symbol('softxent.definition');

/** Name of the operand that a loss measures against the targets. */
export type Prediction = 'logits' | 'probabilities';

/** An immutable, serialisable description of a loss: a kind and its options. */
export interface Loss<R extends Reduction = Reduction, P extends Prediction = Prediction> {
  readonly kind: string;
  /** Only a type: names the prediction, so that results are typed by it. */
  readonly prediction?: P;
  readonly options: Readonly<CommonOptions<R> & Record<string, unknown>> & { readonly reduction: R };
  readonly [definitionOf]: LossDefinition;
}

/**
 * What one value of the loss is computed over, and so the shape of weights, masks and values:
 *
 * - `element`: every element by itself (sigmoid losses). Weights and mask broadcast to the prediction's shape.
 * - `class`: a distribution along one axis (softmax losses). Weights and mask broadcast to the shape without it.
 * - `region`: sums along adjacent axes (Dice-like losses). The mask broadcasts to the prediction's shape and takes
 *   elements out of the sums; weights broadcast to the shape without the axes.
 */
export type Granularity = 'element' | 'class' | 'region';

/** How the loss is to be written for given operands: the building blocks that its program is made of. */
export interface ProgramContext {
  /** The prediction as a number: `logits` or `probabilities`. */
  readonly prediction: NumberExpr;
  /** The target as a number in [0, 1]: uint8 divided by 255, class labels as 1 at the label's position and 0 elsewhere. */
  readonly target: NumberExpr;
  /** 1 - target, without losing the digits of a target near 1 that is stored as n/255 or as a label. */
  readonly complement: NumberExpr;
  /** Whether targets are class labels. */
  readonly labels: boolean;
  /** For labels: whether the row's label lies in [0, extent); a program gives NaN where it does not. */
  readonly labelInRange: TruthExpr;
  /** Value of a constant tensor along the reduced axis (see {@link LossDefinition.constants}). */
  constant(name: string): NumberExpr;
}

/** Options as a definition sees them: defaults filled in. */
export type ResolvedOptions = Readonly<Record<string, unknown>>;

/** Everything that makes a kind of loss. See {@link defineLoss}. */
export interface LossDefinition {
  readonly kind: string;
  readonly granularity: Granularity;
  /** Name of the operand that holds the prediction. */
  prediction(options: ResolvedOptions): Prediction;
  /** Reduced axes for a prediction of this rank, before negative axes are resolved. None for `element`. */
  axes(options: ResolvedOptions, rank: number): readonly number[];
  /** Dtypes that targets may have. */
  readonly targets: readonly DType[];
  /** Whether a row of soft targets ought to sum to 1; `validate` counts rows that do not. */
  readonly distributions: boolean;
  /** Names and defaults of the options beyond the common ones. An `undefined` default means: absent unless given. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Throws OptionError for a value out of range. Unknown names and common options are checked already. */
  check(options: ResolvedOptions): void;
  /** Numbers along the reduced axis that the program reads by `context.constant(name)`. */
  constants(options: ResolvedOptions): Readonly<Record<string, readonly number[]>>;
  program(context: ProgramContext, options: ResolvedOptions): Program;
}

/** Operands that describe a call: specs by operand name. */
export type OperandSpecs = Readonly<Record<string, TensorSpec>>;
