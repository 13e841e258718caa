/** Counting targets that are no probabilities or labels, and finding the first of them. */
import { float16ToNumber, numberToFloat16 } from '../float16.js';
import type { LossDefinition, OperandSpecs } from '../losses/loss.js';
import * as b from '../program/build.js';
import type { NumberExpr, TruthExpr } from '../program/expression.js';
import type { Reduction } from '../program/program.js';
import type { DType, TensorSpec } from '../tensor.js';

/** `ignoreValue` as it is compared with targets of this dtype: rounded as they are stored. */
export function storedValue(value: number, dtype: DType | undefined): number {
  if (dtype === 'float32') return Math.fround(value);
  return dtype === 'float16' ? float16ToNumber(numberToFloat16(value)) : value;
}

/**
 * How far from 1 a row of soft class targets may sum before it counts as invalid: what rounding can do in storage, and
 * then some. uint8 rounds each of K classes by at most half a level, 1/510.
 */
export function rowSumTolerance(dtype: DType, classes: number): number {
  if (dtype === 'uint8') return classes / 510;
  return dtype === 'float16' ? 1e-2 : 1e-4;
}

/** An expression for the number of invalid targets of a row, and the reductions that it reads. */
export function invalidCount(
  definition: LossDefinition,
  specs: OperandSpecs,
  keptElement: TruthExpr,
): { count: NumberExpr; reductions: readonly Reduction[] } {
  const targets = specs['targets'] as TensorSpec;
  const stored = b.operand('targets');
  if (targets.dtype === 'int32') {
    const inRange = b.and(b.le(0, stored), b.lt(stored, b.extent));
    return { count: b.select(inRange, 0, 1), reductions: [] };
  }
  const outside = b.or(b.isNaN(stored), b.or(b.lt(stored, 0), b.lt(1, stored)));
  const bad = targets.dtype === 'uint8' ? b.constant(0) : b.select(outside, 1, 0);
  if (definition.granularity === 'element') return { count: bad, reductions: [] };
  const reductions: Reduction[] = [{ name: 'invalid', op: 'sum', of: b.select(keptElement, bad, 0) }];
  if (!definition.distributions) return { count: b.reduction('invalid'), reductions };
  const asProbability = targets.dtype === 'uint8' ? b.div(stored, 255) : stored;
  reductions.push({ name: 'targetSum', op: 'sum', of: asProbability });
  const classes = b.extent;
  const tolerance =
    targets.dtype === 'uint8' ? b.div(classes, 510) : b.constant(rowSumTolerance(targets.dtype, 0));
  const off = b.lt(tolerance, b.abs(b.sub(b.reduction('targetSum'), 1)));
  return { count: b.add(b.reduction('invalid'), b.select(off, 1, 0)), reductions };
}
