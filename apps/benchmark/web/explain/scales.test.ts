import { describe, expect, it } from 'vitest';
import { logitScale, targetScale } from './scales.js';

describe('slider scales', () => {
  it('lead from a number to a position and back', () => {
    for (const scale of [logitScale, targetScale]) {
      for (let position = scale.min; position <= scale.max; position++) {
        expect(scale.toPosition(scale.toNumber(position))).toBe(position);
      }
    }
  });

  it('rise all the way, from end to end', () => {
    for (const scale of [logitScale, targetScale]) {
      for (let position = scale.min; position < scale.max; position++) {
        expect(scale.toNumber(position + 1)).toBeGreaterThan(scale.toNumber(position));
      }
    }
    expect([logitScale.toNumber(-500), logitScale.toNumber(0), logitScale.toNumber(500)]).toEqual([
      -1e5, 0, 1e5,
    ]);
    expect([targetScale.toNumber(0), targetScale.toNumber(1000)]).toEqual([0, 1]);
  });

  it('hold numbers beyond the ends at the ends', () => {
    expect(logitScale.toPosition(1e6)).toBe(500);
    expect(logitScale.toPosition(-1e6)).toBe(-500);
  });
});
