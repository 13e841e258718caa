import { describe, expect, it } from 'vitest';
import * as b from './build.js';
import { Canonical } from './canonical.js';
import { walk, type Expr } from './expression.js';

describe('Canonical', () => {
  it('makes equal expressions one object, across calls and for swapped operands', () => {
    const canonical = new Canonical();
    const make = (): ReturnType<typeof b.mul> => b.mul(b.exp(b.operand('x')), b.operand('y'));
    const swapped = b.mul(b.operand('y'), b.exp(b.operand('x')));
    expect(canonical.number(make())).toBe(canonical.number(make()));
    expect(canonical.number(swapped)).toBe(canonical.number(make()));
    expect(canonical.number(b.sub(b.operand('x'), b.operand('y')))).not.toBe(
      canonical.number(b.sub(b.operand('y'), b.operand('x'))),
    );
  });

  it('leaves no two equal nodes in what it returns', () => {
    const canonical = new Canonical();
    const x = (): ReturnType<typeof b.operand> => b.operand('x');
    const whole = canonical.number(b.add(b.pow(b.sub(x(), 1), 4), b.mul(b.sub(x(), 1), b.sub(x(), 1))));
    const seen = new Map<string, Expr>();
    walk([whole], (e) => {
      const key = JSON.stringify(e);
      expect(seen.get(key) ?? e).toBe(e);
      seen.set(key, e);
    });
  });

  it('tells 0 from -0', () => {
    const canonical = new Canonical();
    expect(canonical.number(b.constant(-0))).not.toBe(canonical.number(b.constant(0)));
  });

  it('puts the extent in and folds what follows', () => {
    const canonical = new Canonical({ extent: 4 });
    expect(canonical.number(b.div(1, b.extent))).toEqual(b.constant(0.25));
  });
});
