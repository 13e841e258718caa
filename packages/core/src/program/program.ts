import type { NumberExpr } from './expression.js';

/** A sum or maximum over the reduced axis of one row. Later reductions may read earlier ones. */
export interface Reduction {
  readonly name: string;
  readonly op: 'sum' | 'max';
  readonly of: NumberExpr;
}

/** Gradient of the row's value with respect to one element of an operand, by operand. */
export type Gradients = Readonly<Record<string, NumberExpr>>;

/**
 * A loss as arithmetic: the value of one row, from its reductions. A loss over single elements has no reductions and
 * its rows are its elements. Masks, weights, the reduction over rows and the counting of invalid targets are not part
 * of it: a plan adds them in the same way to every program.
 */
export interface Program {
  readonly reductions: readonly Reduction[];
  readonly value: NumberExpr;
  /** Gradients written by hand where digits matter; those not given are derived. */
  readonly gradients?: Gradients;
}
