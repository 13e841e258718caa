/** What a plan is: the types that backends and sessions share. */
import type { Loss } from '../losses/loss.js';
import type { NumberExpr } from '../program/expression.js';
import type { Reduction } from '../program/program.js';
import type { ScheduledTotal, Stage } from '../program/schedule.js';
import type { TensorSpec } from '../tensor.js';
import type { Layout, Shapes } from './layout.js';
import type { OperandPlan } from './operands.js';

/** A tensor that a kernel writes: the values (`value`) or a gradient (`gradient:logits`). */
export interface OutputPlan extends TensorSpec {
  readonly name: string;
  /** Whether there is one element for each row or for each element, at its linear index. */
  readonly level: 'row' | 'element';
  readonly of: NumberExpr;
}

/** A sum over all rows, which a kernel returns: `loss`, `valid`, `weight` or `invalid`. */
export type TotalPlan = ScheduledTotal;

/** What the sum of losses is divided by: a number known now, or one of a plan's totals. */
export type Divisor =
  | { readonly kind: 'static'; readonly value: number }
  | { readonly kind: 'total'; readonly name: 'valid' | 'weight' };

/**
 * Everything that a backend needs, in canonical form. All expressions are simplified and shared: equal subexpressions
 * are the same object. Masks, weights, ignored targets, the gradients' factor (`parameter scale`) and counts are part
 * of the expressions already.
 */
export interface Plan {
  /** Equal for plans that compute the same thing. */
  readonly key: string;
  /** For backends that know a loss and have a kernel of their own for it. */
  readonly loss: Loss;
  readonly layout: Layout;
  /** Dtype in which results are promised: of the prediction, float32 for float16. */
  readonly precision: 'float32' | 'float64';
  /** The operands that the expressions read. */
  readonly operands: readonly OperandPlan[];
  /** Operands that are part of the loss (class weights), as numbers along `extent`; they are among `operands` too. */
  readonly constants: Readonly<Record<string, readonly number[]>>;
  readonly reductions: readonly Reduction[];
  readonly outputs: readonly OutputPlan[];
  readonly totals: readonly TotalPlan[];
  /** The order in which to compute all this. */
  readonly stages: readonly Stage[];
}

/** What a call wants to know. */
export interface Wanted {
  /** Operands by which gradients are wanted. */
  readonly gradients: readonly string[];
}

/** A plan with what a session needs around it. */
export interface BoundPlan {
  readonly plan: Plan;
  readonly prediction: 'logits' | 'probabilities';
  readonly shapes: Shapes;
  readonly divisor: Divisor;
  /** Where gradients need a divisor that is not known yet: the plan whose totals give it. */
  readonly counting: Plan | undefined;
}
