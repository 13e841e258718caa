/** What is counted: valid rows, their weights, invalid targets. */
import type { Reduction } from '../losses/loss.js';
import type { DType } from '../tensor.js';
import type { Formula, Row } from './formula.js';
import { coordinates, type Layout } from './layout.js';
import { Sum } from './numbers.js';
import type { Operands } from './operands.js';

/** Where the first invalid target stands, and what is wrong with it. */
export interface InvalidTarget {
  /** `value`: NaN or outside [0, 1]; `label`: no class; `sum`: a row that does not sum to 1. */
  readonly problem: 'value' | 'label' | 'sum';
  /** Coordinates in the targets' shape; for `sum`, in the shape of the rows. */
  readonly index: readonly number[];
}

/** What was counted. */
export interface ReferenceCounts {
  /** Rows that are neither masked nor ignored. */
  readonly valid: number;
  /** Sum of the weights of the valid rows; their number where there are no weights. */
  readonly weight: number;
  /** What the sum of the rows was divided by. */
  readonly divisor: number;
  /** Unmasked targets that are NaN, outside [0, 1] or no label. */
  readonly invalidValues: number;
  /** Unmasked rows of soft class targets whose sum differs from 1 by more than {@link rowSumTolerance}. */
  readonly invalidRows: number;
  /** Both together. */
  readonly invalid: number;
  /** The first row with something invalid in it, in row-major order of rows: values before sums. */
  readonly firstInvalid?: InvalidTarget;
}

/** How far a row of soft class targets may be from 1 before it counts as invalid. */
export function rowSumTolerance(dtype: DType, classes: number): number {
  if (dtype === 'uint8') return classes / 510;
  return dtype === 'float16' ? 1e-2 : 1e-4;
}

const inUnitInterval = (t: number): boolean => t >= 0 && t <= 1;

/** Counts row by row. */
export class Counter {
  valid = 0;
  readonly weight = new Sum();
  values = 0;
  sums = 0;
  first: InvalidTarget | undefined;

  constructor(
    private readonly formula: Formula,
    private readonly layout: Layout,
    private readonly from: Operands,
  ) {}

  add(row: number, positions: readonly number[], { t }: Row): void {
    const { from, layout } = this;
    this.valid++;
    this.weight.add(from.weight(row));
    if (from.labels) {
      const label = from.targets[row]!;
      if (label >= 0 && label < layout.extent) return;
      this.values++;
      this.first ??= { problem: 'label', index: coordinates(row, from.targetShape) };
      return;
    }
    for (const [i, value] of t.entries()) {
      if (inUnitInterval(value)) continue;
      this.values++;
      const index = layout.bases[row]! + layout.offsets[positions[i]!]!;
      this.first ??= { problem: 'value', index: coordinates(index, layout.shape) };
    }
    if (!this.formula.distributions) return;
    const total = new Sum();
    for (const value of t) total.add(value);
    if (Math.abs(total.value - 1) > rowSumTolerance(from.targetType, layout.extent)) {
      this.sums++;
      this.first ??= { problem: 'sum', index: coordinates(row, layout.rowShape) };
    }
  }
}

/** What the sum of the rows is divided by. */
export function divisorOf(reduction: Reduction, counter: Counter, { rows, shape }: Layout): number {
  switch (reduction) {
    case 'none':
    case 'sum':
      return 1;
    case 'mean':
      return rows;
    case 'mean-valid':
      return counter.valid;
    case 'mean-batch':
      return shape[0] ?? 1;
    case 'mean-weight':
      return counter.weight.value;
  }
}
