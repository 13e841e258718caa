import { float16ToNumber, numberToFloat16 } from '@softxent/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEvaluator, type Evaluator } from '../testing/evaluate.js';
import type { MathName } from './math.js';

let evaluator: Evaluator;
beforeAll(async () => {
  evaluator = await openEvaluator();
});
afterAll(() => {
  evaluator.close();
});

const count = 1 << 14;
const leastNormal = 2 ** -126;

/** A fixed sequence of numbers in [0, 1). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function uniform(low: number, high: number, seed = 1): Float32Array {
  const next = sequence(seed);
  return Float32Array.from({ length: count }, () => low + (high - low) * next());
}

/** Evenly spread magnitudes. */
function spread(low: number, high: number, seed = 1): Float32Array {
  return uniform(Math.log(low), Math.log(high), seed).map((x) => Math.exp(x));
}

function ulpOf(x: number): number {
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(x), leastNormal)));
  return 2 ** (exponent - 23);
}

interface Accuracy {
  readonly names: readonly MathName[];
  readonly text: string;
  readonly exact: (a: number, b: number) => number;
  readonly a: Float32Array;
  readonly b?: Float32Array;
  readonly ulp: number;
}

const logistic = (x: number): number => Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x)));
const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x)));

// The bounds hold for SwiftShader, whose four basic operations round correctly.
const cases: Record<string, Accuracy> = {
  'exp over its whole range': {
    names: ['exp'],
    text: 'sx_exp(a)',
    exact: Math.exp,
    a: uniform(-87, 88.7),
    ulp: 0.7,
  },
  'exp of a difference': {
    names: ['expOfDifference'],
    text: 'sx_expOfDifference(a, b)',
    exact: (a, b) => Math.exp(a - b),
    a: uniform(-40, 40),
    b: uniform(-40, 40, 2),
    ulp: 0.7,
  },
  'log of all magnitudes': {
    names: ['log'],
    text: 'sx_log(a)',
    exact: Math.log,
    a: spread(1e-37, 1e38),
    ulp: 0.8,
  },
  'log near 1': { names: ['log'], text: 'sx_log(a)', exact: Math.log, a: uniform(0.99, 1.01), ulp: 0.8 },
  'log1p of positive numbers': {
    names: ['log1p'],
    text: 'sx_log1p(a)',
    exact: Math.log1p,
    a: spread(1e-30, 1e30),
    ulp: 0.8,
  },
  'log1p of negative numbers': {
    names: ['log1p'],
    text: 'sx_log1p(-a)',
    exact: (a) => Math.log1p(-a),
    a: spread(1e-30, 0.999_999),
    ulp: 0.8,
  },
  'logistic tail': {
    names: ['expNegAbs', 'logisticOf'],
    text: 'sx_logisticOf(sx_expNegAbs(a))',
    exact: logistic,
    a: uniform(-87, 87),
    ulp: 0.8,
  },
  'softplus tail': {
    names: ['expNegAbs', 'softplusOf'],
    text: 'sx_softplusOf(sx_expNegAbs(a))',
    exact: softplus,
    a: uniform(-87, 87),
    ulp: 1.2,
  },
  'pow of fractions': {
    names: ['pow'],
    text: 'sx_pow(a, b)',
    exact: Math.pow,
    a: spread(1e-10, 1),
    b: uniform(0.5, 3.5),
    ulp: 0.8,
  },
  'pow of large and small results': {
    names: ['pow'],
    text: 'sx_pow(a, b)',
    exact: Math.pow,
    a: spread(1e-3, 1e3),
    b: uniform(-12, 12, 2),
    ulp: 0.8,
  },
  sqrt: { names: ['sqrt'], text: 'sx_sqrt(a)', exact: Math.sqrt, a: spread(1e-30, 1e30), ulp: 0.51 },
  'rounding error of a sum': {
    names: ['twoSum'],
    text: 'sx_twoSum(a, b).y',
    exact: (a, b) => a + b - Math.fround(a + b),
    a: uniform(-1, 1),
    b: uniform(-1000, 1000, 2),
    ulp: 0,
  },
  'rounding error of a product': {
    names: ['twoProduct'],
    text: 'sx_twoProduct(a, b).y',
    exact: (a, b) => a * b - Math.fround(a * b),
    a: uniform(-1, 1),
    b: uniform(-1000, 1000, 2),
    ulp: 0,
  },
};

describe('elementary functions, in ulp', () => {
  for (const [name, { names, text, exact, a, b = a, ulp }] of Object.entries(cases)) {
    it(`${name}: at most ${ulp}`, async () => {
      const got = await evaluator.evaluate(names, text, a, b);
      let worst = 0;
      for (const [i, value] of got.entries()) {
        const right = exact(a[i] as number, b[i] as number);
        // Below, results are flushed; beyond the largest number, they are infinite.
        if (Math.abs(right) < leastNormal || Math.abs(right) > 3.4e38) continue;
        const error = Math.abs(value - right) / ulpOf(right);
        worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
      }
      expect(worst).toBeLessThanOrEqual(ulp);
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
