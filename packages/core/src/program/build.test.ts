import { describe, expect, it } from 'vitest';
import * as b from './build.js';
import { format } from './expression.js';

const x = b.operand('x');
const y = b.operand('y');

describe('constructors', () => {
  it('fold constants by the operation they stand for', () => {
    expect(b.add(2, 3)).toEqual(b.constant(5));
    expect(b.log1p(-1)).toEqual(b.constant(-Infinity));
    expect(b.lt(NaN, 1)).toEqual(b.truth(false));
    expect(b.max(NaN, 1)).toEqual(b.constant(NaN));
  });

  it('apply identities that hold for every number', () => {
    expect(b.mul(1, x)).toBe(x);
    expect(b.add(x, 0)).toBe(x);
    expect(b.sub(x, b.neg(y))).toEqual(b.add(x, y));
    expect(b.neg(b.neg(x))).toBe(x);
    expect(b.div(x, 1)).toBe(x);
    expect(b.select(b.truth(true), x, y)).toBe(x);
    expect(b.not(b.not(b.lt(x, y)))).toEqual(b.lt(x, y));
  });

  it('do not simplify a product with 0, which is NaN for an infinity', () => {
    expect(format(b.mul(0, x))).toBe('mul(0, x)');
  });

  it('keep 0 log 0 at 0 with a condition, not with a product', () => {
    expect(format(b.mulOrZero(x, b.log(y)))).toBe('select(eq(x, 0), 0, mul(x, log(y)))');
    expect(b.mulOrZero(0, b.log(y))).toEqual(b.constant(0));
  });

  it('turn whole powers into products', () => {
    expect(format(b.pow(x, 3))).toBe('mul(x, mul(x, x))');
    expect(b.pow(x, 0)).toEqual(b.constant(1));
    expect(format(b.pow(x, 1.5))).toBe('pow(x, 1.5)');
  });
});
