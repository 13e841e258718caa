import { describe, expect, it } from 'vitest';
import { errorInUlp, rightDigits } from './digits.js';
import { bestLogit, entropy, exactAlong, exactAt } from './exact.js';
import { forms, type Form } from './forms.js';

const form = (id: Form['id']): Form => forms.find((candidate) => candidate.id === id)!;

/** Logits on both sides, labels soft and hard. */
const places = [-1e4, -90, -20, -3, -0.1, 0, 0.5, 2, 20, 100, 1e4].flatMap((x) =>
  [0, 1e-6, 0.1, 0.5, 0.7, 0.999999, 1].map((t) => [x, t] as const),
);

describe('exactAt', () => {
  it('is the loss as its floor and what is above it', () => {
    for (const [x, t] of places) {
      const { loss, floor, excess } = exactAt(x, t);
      expect(floor + excess).toBeCloseTo(loss, 10);
      expect(excess).toBeGreaterThanOrEqual(0);
    }
  });

  it('is of the numbers that float32 stores', () => {
    // 1 - t of the stored 0.999999 is 2^-20 (1 + 1/16).
    expect(exactAt(1e4, 0.999999).loss).toBe(1e4 * (1 - Math.fround(0.999999)));
    expect(exactAt(1e4, 0.999999).loss).toBeCloseTo(0.01013279, 8);
  });

  it('has its floor at the best logit', () => {
    for (const t of [1e-6, 0.1, 0.5, 0.9]) {
      const { loss, floor, gradient } = exactAt(bestLogit(t), t);
      expect(loss).toBeCloseTo(floor, 12);
      expect(gradient).toBeCloseTo(0, 6);
    }
    expect(bestLogit(1)).toBe(Infinity);
    expect(entropy(0)).toBe(0);
    expect(entropy(0.5)).toBeCloseTo(Math.log(2), 15);
  });

  it('gives the same along a curve as at single points', () => {
    const logits = Float32Array.of(-30, -1, 0, 5, 300);
    expect(exactAlong(logits, 0.3)).toEqual(Array.from(logits, (x) => exactAt(x, 0.3)));
  });
});

describe('forms', () => {
  it('are float32 throughout', () => {
    for (const { at } of forms) {
      for (const [x, t] of places) {
        for (const value of Object.values(at(x, t))) expect(value).toBe(Math.fround(value));
      }
    }
  });

  it('softxent keeps the digits of the loss at every logit', () => {
    for (const [x, t] of places) {
      const off = errorInUlp(form('softxent').at(x, t).loss, exactAt(x, t).loss);
      expect({ x, t, off: off < 2 }).toEqual({ x, t, off: true });
    }
  });

  it('the rearranged form has no digit at x = 10000, t = 0.999999', () => {
    expect(form('rearranged').at(1e4, 0.999999).loss).toBe(0.009765625);
    expect(rightDigits(0.009765625, exactAt(1e4, 0.999999).loss)).toBeLessThan(1.5);
  });

  it('the rearranged gradient is 0 where sigma rounds to 1, and softxent’s is not', () => {
    expect(form('rearranged').at(20, 1).gradient).toBe(0);
    expect(form('softxent').at(20, 1).gradient).toBe(Math.fround(-2.0611536181902037e-9));
  });

  it('the definition gives no number where a sigmoid saturates', () => {
    expect(form('definition').at(100, 0.99).loss).toBe(Infinity);
    expect(form('definition').at(100, 1).gradient).toBe(Number.NaN);
    expect(Math.abs(form('definition').at(-20, 0).loss)).toBe(0);
  });

  it('all agree at moderate logits', () => {
    for (const { at } of forms) {
      const [computed, exact] = [at(2, 0.7), exactAt(2, 0.7)];
      expect(computed.loss).toBeCloseTo(exact.loss, 6);
      expect(computed.gradient).toBeCloseTo(exact.gradient, 6);
      expect(computed.excess).toBeCloseTo(exact.excess, 6);
    }
  });
});
