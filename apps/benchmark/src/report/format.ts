/** Numbers as tables show them. */
import type { Accuracy, ContestantKey, Ulp, WorkloadKey } from '../model.js';

/** Three significant digits, without an exponent where that is shorter. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude >= 1e5 || magnitude < 1e-3) return value.toExponential(1).replace('e+', 'e');
  return magnitude >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export const percent = (part: number): string => `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;

/** 1048576 as `1 Mi`, 1000000 as `1 M`, 1000 as `1 k`; others in full. */
export function count(value: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['Gi', 2 ** 30],
    ['Mi', 2 ** 20],
    ['Ki', 2 ** 10],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ];
  const unit = units.find(([, size]) => value % size === 0 && value >= size && value < 1000 * size);
  return unit === undefined ? String(value) : `${value / unit[1]} ${unit[0]}`;
}

export function bytes(value: number | null): string {
  if (value === null) return '-';
  // What a process holds at rest wanders by that much.
  if (value < 1e6) return '< 1 MB';
  return value >= 1e9 ? `${short(value / 1e9)} GB` : `${short(value / 1e6)} MB`;
}

export const ulp = (value: Ulp): string => (value === 'infinite' ? 'inf' : short(value));

/** The relative error of the mean. */
export function meanError(accuracy: Accuracy | null): string {
  const error = accuracy?.meanError ?? null;
  if (error === null) return '-';
  return error === 'infinite' ? 'inf' : error === 0 ? '0' : error.toExponential(0).replace('e+', 'e');
}

/** `wasm x2`: a contestant with its threads. */
export function contestantName({
  contestant,
  threads,
}: Pick<ContestantKey, 'contestant' | 'threads'>): string {
  return threads === null || threads === 1 ? contestant : `${contestant} x${threads}`;
}

/** `softmaxCrossEntropy, nchw, 1 Mi elements, 21 classes`. */
export function workloadTitle({ loss, layout, elements, classes }: WorkloadKey): string {
  return `${loss}, ${layout}, ${count(elements)} elements${classes === null ? '' : `, ${classes} classes`}`;
}
