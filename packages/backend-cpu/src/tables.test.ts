import { describe, expect, it } from 'vitest';
import { expTable, limit, softplusTailTable, steps } from './tables.js';

/** Points of every interval: its ends, its middle and two irrational places between. */
function* points(): Generator<number> {
  for (let k = 0; k < steps * limit; k += 7) {
    for (const h of [0, 0.137, 0.5, 0.8091, 0.999999]) yield (k + h) / steps;
  }
}

describe('the table of log1p(exp(-a))', () => {
  const table = softplusTailTable();
  const c = (k: number, power: number): number => table[4 * k + power] as number;

  it('is within 2e-12 of it, its slope within 1e-8 of sigma(-a), on the whole range', () => {
    let [worst, worstSlope] = [0, 0];
    for (const a of points()) {
      const k = Math.floor(a * steps);
      const h = a * steps - k - 0.5;
      const e = Math.exp(-a);
      const value = c(k, 0) + h * (c(k, 1) + h * (c(k, 2) + h * c(k, 3)));
      const slope = -steps * (c(k, 1) + h * (2 * c(k, 2) + 3 * h * c(k, 3)));
      worst = Math.max(worst, Math.abs(value / Math.log1p(e) - 1));
      worstSlope = Math.max(worstSlope, Math.abs(slope / (e / (1 + e)) - 1));
    }
    expect(worst).toBeLessThan(2e-12);
    expect(worstSlope).toBeLessThan(1e-8);
  });

  it('errs to both sides alike, so that sums do not drift', () => {
    let [sum, exact] = [0, 0];
    for (let i = 0; i < 100_000; i++) {
      const a = (i + 0.5) / 10_000;
      const k = Math.floor(a * steps);
      const h = a * steps - k - 0.5;
      sum += c(k, 0) + h * (c(k, 1) + h * (c(k, 2) + h * c(k, 3)));
      exact += Math.log1p(Math.exp(-a));
    }
    expect(Math.abs(sum / exact - 1)).toBeLessThan(1e-13);
  });
});

it('the table of exp(-a) holds it at every step', () => {
  const table = expTable();
  expect(table).toHaveLength(steps * limit + 1);
  expect(table[0]).toBe(1);
  expect(table[steps]).toBe(Math.exp(-1));
});
