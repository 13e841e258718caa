/** For tests and the report: elementary functions, the numbers that they are tried on, and how far they are off. */
import type { MathName } from '../wgsl/math.js';
import { sequence } from './backends.js';
import type { Evaluator } from './evaluate.js';

const count = 1 << 14;
const leastNormal = 2 ** -126;

function uniform(low: number, high: number, seed = 1): Float32Array {
  const next = sequence(seed);
  return Float32Array.from({ length: count }, () => low + (high - low) * next());
}

/** Evenly spread magnitudes. */
function spread(low: number, high: number, seed = 1): Float32Array {
  return uniform(Math.log(low), Math.log(high), seed).map((x) => Math.exp(x));
}

/** The distance to the next number, for normal ones. */
export function ulpOf(x: number): number {
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(x), leastNormal)));
  return 2 ** (exponent - 23);
}

/** A function, the numbers that it is tried on, and the error that is promised. */
export interface FunctionCase {
  readonly names: readonly MathName[];
  readonly text: string;
  readonly exact: (a: number, b: number) => number;
  readonly a: Float32Array;
  readonly b?: Float32Array;
  readonly ulp: number;
}

/** sigma(-|x|). */
export const logistic = (x: number): number => Math.exp(-Math.abs(x)) / (1 + Math.exp(-Math.abs(x)));
/** log(1 + exp(-|x|)). */
export const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x)));

// The bounds hold for SwiftShader, whose four basic operations round correctly.
export const functionCases: Readonly<Record<string, FunctionCase>> = {
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

/** The worst error of a function, in ulp of the right result. */
export async function worstUlp(
  evaluator: Evaluator,
  { names, text, exact, a, b = a }: FunctionCase,
): Promise<number> {
  const got = await evaluator.evaluate(names, text, a, b);
  let worst = 0;
  for (const [i, value] of got.entries()) {
    const right = exact(a[i] as number, b[i] as number);
    // Below, results are flushed; beyond the largest number, they are infinite.
    if (Math.abs(right) < leastNormal || Math.abs(right) > 3.4e38) continue;
    const error = Math.abs(value - right) / ulpOf(right);
    worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
  }
  return worst;
}
