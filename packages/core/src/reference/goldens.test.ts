import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formulas } from './reference.js';
import type { Scaled } from './formula.js';

/** One row as scripts/goldens.py wrote it: inputs are exact float64 numbers, results have 25 digits. */
interface Golden {
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly x: readonly (number | string)[];
  readonly t: readonly number[];
  readonly loss: string;
  readonly byPrediction: readonly string[];
  /** Absent where the loss has no derivative by the targets. */
  readonly byTarget?: readonly string[];
}

const goldens = JSON.parse(readFileSync(new URL('./goldens.json', import.meta.url), 'utf8')) as Golden[];

const epsilon = 2 ** -52;

/** Units of rounding, of the larger of value and scale, between what was computed and what is right. */
function distance({ value, scale }: Scaled, expected: number): number {
  if (Object.is(value, expected) || value === expected) return 0;
  if (!Number.isFinite(value) || !Number.isFinite(expected)) return Infinity;
  // Results below the normal range have no relative precision.
  return Math.abs(value - expected) / (epsilon * Math.max(scale, Math.abs(expected)) + Number.MIN_VALUE);
}

function worstOf(golden: Golden): number {
  const formula = formulas[golden.kind]!;
  const x = golden.x.map(Number);
  const notT = golden.t.map((t) => 1 - t);
  const result = formula.row({ x, t: golden.t, notT, labels: false }, golden.options);
  const distances = [distance(result, Number(golden.loss))];
  for (const [i, want] of golden.byPrediction.entries())
    distances.push(distance(result.byPrediction[i]!, Number(want)));
  for (const [i, want] of (golden.byTarget ?? []).entries())
    distances.push(distance(result.byTarget[i]!, Number(want)));
  return Math.max(...distances);
}

// A power that is not whole, or ten roundings of a region's sums, cost a little more than a short formula.
const allowed: Readonly<Record<string, number>> = { qualityFocal: 8, tversky: 8, dice: 8, jaccardMetric: 8 };

describe('the reference agrees with values computed independently at 420 digits', () => {
  const kinds = [...new Set(goldens.map((golden) => golden.kind))];

  it('has values for every kind of loss', () => {
    expect(kinds.toSorted()).toEqual(Object.keys(formulas).toSorted());
  });

  it.each(kinds)('%s', (kind) => {
    const wrong = goldens
      .filter((golden) => golden.kind === kind)
      .filter((golden) => !(worstOf(golden) <= (allowed[kind] ?? 4)))
      .map((golden) => `${worstOf(golden)} ulp: ${JSON.stringify(golden)}`);
    expect(wrong).toEqual([]);
  });
});
