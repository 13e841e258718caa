import { float16ToNumber } from '../float16.js';
import { InvalidTargetsError } from '../errors.js';
import { definitionOf, type Loss } from '../losses/loss.js';
import type { Tensor } from '../tensor.js';
import { broadcast, indexOf, type Access } from './access.js';
import type { Shapes } from './layout.js';
import { rowSumTolerance, storedValue } from './validity.js';

/** The error for `count` invalid targets, with the first of them: looked for on the host once it is known that there is one. */
export function firstInvalid(
  loss: Loss,
  shapes: Shapes,
  operands: Readonly<Record<string, Tensor>>,
  count: number,
): InvalidTargetsError {
  const { granularity, distributions } = loss[definitionOf];
  const targets = operands['targets'] as Tensor;
  const { outer, extent, inner } = shapes.layout;
  const labels = targets.dtype === 'int32';
  const stored = (index: number): number =>
    targets.dtype === 'float16'
      ? float16ToNumber(targets.data[index] as number)
      : (targets.data[index] as number);
  const probability = (index: number): number =>
    targets.dtype === 'uint8' ? stored(index) / 255 : stored(index);
  const unmasked = unmaskedAt(operands['mask'], granularity === 'class', shapes);
  const ignore = loss.options.ignoreValue;
  const isIgnored = (index: number): boolean => {
    if (ignore === undefined) return false;
    if (Number.isNaN(ignore)) return Number.isNaN(stored(index));
    return stored(index) === storedValue(ignore, targets.dtype);
  };
  const at = (index: number, what: string, expected: string): InvalidTargetsError =>
    new InvalidTargetsError(count, coordinates(index, targets.shape), what, expected);

  for (let row = 0; row < outer * inner; row++) {
    const first = Math.floor(row / inner) * extent * inner + (row % inner);
    if (labels) {
      if (!unmasked(row) || isIgnored(row)) continue;
      const label = stored(row);
      if (label >= 0 && label < extent) continue;
      return at(row, `label ${label}`, `a label from 0 to ${extent - 1}`);
    }
    const indices = Array.from({ length: extent }, (_, e) => first + e * inner);
    if (granularity === 'class' && (!unmasked(row) || indices.every(isIgnored))) continue;
    for (const index of indices) {
      if (granularity !== 'class' && (!unmasked(index) || isIgnored(index))) continue;
      const value = probability(index);
      if (value >= 0 && value <= 1) continue;
      return at(index, String(value), 'a number in [0, 1]');
    }
    if (!distributions) continue;
    const sum = indices.reduce((total, index) => total + probability(index), 0);
    if (Math.abs(sum - 1) <= rowSumTolerance(targets.dtype, extent)) continue;
    return at(first, `a row that sums to ${sum}`, 'a row that sums to 1');
  }
  // The device rounds a row's sum in its own way, and the row may be right by a hair here.
  return at(0, 'a row whose sum is at the edge of what is tolerated', 'rows that sum to 1');
}

function unmaskedAt(mask: Tensor | undefined, perRow: boolean, shapes: Shapes): (index: number) => boolean {
  if (mask === undefined) return () => true;
  const keepsAxes = mask.shape.length > shapes.row.length;
  const target = perRow ? (keepsAxes ? shapes.keptRow : shapes.row) : shapes.element;
  const access: Access = broadcast('mask', mask.shape, target);
  return (index) => mask.data[indexOf(access, index)] !== 0;
}

function coordinates(index: number, shape: readonly number[]): number[] {
  const result: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    result.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return result;
}
