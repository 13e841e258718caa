import { float16ToNumber, numberToFloat16 } from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sequence } from '../testing/backends.js';
import { openEvaluator, type Evaluator } from '../testing/evaluate.js';
import { functionCases, logistic, softplus, ulpOf, worstUlp } from '../testing/functions.js';
import type { MathName } from './math.js';

let evaluator: Evaluator;
beforeAll(async () => {
  evaluator = await openEvaluator();
});
afterAll(() => {
  evaluator.close();
});

describe('elementary functions, in ulp', () => {
  for (const [name, given] of Object.entries(functionCases)) {
    it(`${name}: at most ${given.ulp}`, async () => {
      expect(await worstUlp(evaluator, given)).toBeLessThanOrEqual(given.ulp);
    });
  }
});

const specials = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 2, -2, 3, -3];
// Comparisons are exact for these too; arithmetic flushes or rounds them.
const comparable = [...specials, 0.5, 1e-45, -1e-45, 1e-38, 3e38, -3e38];

/** Pairs for which the text differs from the exact value by more than an ulp. */
async function differing(
  names: readonly MathName[],
  text: string,
  exact: (a: number, b: number) => number,
  numbers: readonly number[] = specials,
): Promise<object[]> {
  const lefts = Float32Array.from(numbers.flatMap((a) => numbers.map(() => a)));
  const rights = Float32Array.from(numbers.flatMap(() => numbers));
  const got = await evaluator.evaluate(names, text, lefts, rights);
  return [...got].flatMap((value, i) => {
    const [a, b] = [lefts[i] as number, rights[i] as number];
    const right = exact(a, b);
    const isSame = Number.isNaN(right)
      ? Number.isNaN(value)
      : Math.abs(value - right) <= ulpOf(right) || value === right;
    return isSame ? [] : [{ a, b, got: value, expected: right }];
  });
}

describe('NaN, infinities and zeros', () => {
  it('compare as IEEE 754 says', async () => {
    expect(
      await differing(['lt'], 'select(0.0, 1.0, sx_lt(a, b))', (a, b) => Number(a < b), comparable),
    ).toEqual([]);
    expect(
      await differing(['le'], 'select(0.0, 1.0, sx_le(a, b))', (a, b) => Number(a <= b), comparable),
    ).toEqual([]);
    expect(
      await differing(['eq'], 'select(0.0, 1.0, sx_eq(a, b))', (a, b) => Number(a === b), comparable),
    ).toEqual([]);
    expect(
      await differing(['isNaN'], 'select(0.0, 1.0, sx_isNaN(a))', (a) => Number(Number.isNaN(a)), comparable),
    ).toEqual([]);
  });

  it('pass through min and max', async () => {
    expect(await differing(['min'], 'sx_min(a, b)', Math.min, comparable)).toEqual([]);
    expect(await differing(['max'], 'sx_max(a, b)', Math.max, comparable)).toEqual([]);
  });

  it('have the limits of exp, log, log1p, sqrt and pow', async () => {
    expect(await differing(['exp'], 'sx_exp(a)', Math.exp)).toEqual([]);
    expect(
      await differing(['expOfDifference'], 'sx_expOfDifference(a, b)', (a, b) => Math.exp(a - b)),
    ).toEqual([]);
    expect(await differing(['log'], 'sx_log(a)', Math.log)).toEqual([]);
    expect(await differing(['log1p'], 'sx_log1p(a)', Math.log1p)).toEqual([]);
    expect(await differing(['sqrt'], 'sx_sqrt(a)', Math.sqrt)).toEqual([]);
    expect(await differing(['pow'], 'sx_pow(a, b)', Math.pow)).toEqual([]);
  });

  it('have the limits of the logistic and softplus tails', async () => {
    expect(await differing(['expNegAbs', 'logisticOf'], 'sx_logisticOf(sx_expNegAbs(a))', logistic)).toEqual(
      [],
    );
    expect(await differing(['expNegAbs', 'softplusOf'], 'sx_softplusOf(sx_expNegAbs(a))', softplus)).toEqual(
      [],
    );
  });
});

describe('float16', () => {
  it('every bit pattern is read exactly', async () => {
    const bits = Float32Array.from({ length: 65_536 }, (_, i) => i);
    const got = await evaluator.evaluate(['halfToFloat'], 'sx_halfToFloat(u32(a))', bits);
    expect(got).toEqual(Float32Array.from(bits, float16ToNumber));
  });

  it('numbers are rounded to the nearest, ties to even', async () => {
    const next = sequence(3);
    const numbers = Float32Array.from({ length: 65_536 }, (_, i) => {
      const near = float16ToNumber(i);
      const above = float16ToNumber(i + 1);
      return i % 3 === 0 ? (near + above) / 2 : near + (above - near) * next();
    });
    numbers.set([65_519, 65_520, 65_536, 1e38, 2 ** -25, 2 ** -25 * 1.001, -(2 ** -26), NaN, -Infinity]);
    const got = await evaluator.evaluate(['floatToHalf'], 'f32(sx_floatToHalf(a))', numbers);
    const expected = Float32Array.from(numbers, numberToFloat16);
    // A NaN's sign is lost on the way through JavaScript.
    expect(got.map((bits) => (bits === 0xfe00 ? 0x7e00 : bits))).toEqual(
      expected.map((bits) => (bits === 0xfe00 ? 0x7e00 : bits)),
    );
  });
});
