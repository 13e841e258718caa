/** What a loss's formula is given and gives, one row at a time. */

/** A row: one element (sigmoid losses), a distribution (softmax losses) or the unmasked elements of a region. */
export interface Row {
  /** Logits or probabilities. */
  readonly x: readonly number[];
  /** Targets; 1 at the label's class and 0 elsewhere for class labels. */
  readonly t: readonly number[];
  /** 1 - t. */
  readonly notT: readonly number[];
  /** Targets are class labels: exact, and known to sum to 1. */
  readonly labels: boolean;
}

/** A number with its scale: the magnitude of the largest term that was added or subtracted to make it. */
export interface Scaled {
  readonly value: number;
  /**
   * Arithmetic of relative precision u can be held to a few times u times this, and to no less. It includes what the
   * rounding of an intermediate amounts to in the result (conditioning).
   */
  readonly scale: number;
}

/** The loss of one row and its derivatives by each element's prediction and target. */
export interface RowLoss extends Scaled {
  readonly byPrediction: readonly Scaled[];
  readonly byTarget: readonly Scaled[];
}

/** Options of a loss as a formula reads them. */
export type Options = Readonly<Record<string, unknown>>;

/** A loss for the reference: how its rows lie, and the formula of one row. */
export interface Formula {
  readonly granularity: 'element' | 'class' | 'region';
  readonly prediction: (options: Options) => 'logits' | 'probabilities';
  /** Reduced axes for a prediction of this rank; negative ones count from the end. */
  readonly axes: (options: Options, rank: number) => readonly number[];
  /** Whether targets are distributions along the axis. */
  readonly distributions: boolean;
  readonly row: (row: Row, options: Options) => RowLoss;
}

/** A numeric option, or its default. */
export function number(options: Options, name: string, otherwise: number): number {
  const value = options[name];
  return typeof value === 'number' ? value : otherwise;
}

/** The result of a row that is NaN throughout. */
export function nanRow(extent: number): RowLoss {
  const nan: Scaled = { value: NaN, scale: NaN };
  const each = Array.from({ length: extent }, () => nan);
  return { ...nan, byPrediction: each, byTarget: each };
}

/** A derivative times a factor; 0 for the factor 0, whatever the derivative is. */
export function times(factor: number, { value, scale }: Scaled): Scaled {
  if (factor === 0) return { value: 0, scale: 0 };
  return { value: factor * value, scale: Math.abs(factor) * scale };
}
