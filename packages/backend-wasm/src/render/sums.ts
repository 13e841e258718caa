/** Sums over all rows. */
import { childrenOf, walk, type Expr, type NumberExpr, type TruthExpr } from '@softxent/core/program';
import type { Local } from '../emitter/function.js';
import type { Renderer } from './expression.js';
import { log1p } from './functions.js';
import { scratch, type StageFunction } from './stage.js';
import type { Term } from './vectors.js';

/** Vectors that are added up in float32 before their sum goes to float64. */
export const vectorsPerSum = 32;

/** log1p(exp(-|x|)) as a term of a sum. */
export interface SoftplusTerm {
  /** sigma(-|x|) */
  readonly tail: NumberExpr;
  /** Conditions under which the term is left out (`true`), or without which (`false`). */
  readonly unless: readonly { readonly condition: TruthExpr; readonly is: boolean }[];
}

/** A total's expression as a sum of two terms. */
export interface SplitTotal {
  readonly rest: NumberExpr | undefined;
  readonly softplus: SoftplusTerm | undefined;
}

const isZero = (e: NumberExpr): boolean => e.op === 'constant' && e.value === 0;
const softplusOf = (a: NumberExpr): SoftplusTerm => ({ tail: { op: 'logisticTail', a }, unless: [] });

/** Finds the softplus term of a total, also where masked rows are left out. */
export function splitTotal(e: NumberExpr): SplitTotal {
  if (e.op === 'softplusTail') return { rest: undefined, softplus: softplusOf(e.a) };
  if (e.op === 'add') {
    for (const [tail, rest] of [
      [e.a, e.b],
      [e.b, e.a],
    ] as const) {
      if (tail.op === 'softplusTail') return { rest, softplus: softplusOf(tail.a) };
    }
  }
  if (e.op === 'select' && (isZero(e.a) || isZero(e.b))) {
    const is = isZero(e.a);
    const { rest, softplus } = splitTotal(is ? e.b : e.a);
    if (softplus !== undefined) {
      return {
        rest: rest === undefined ? undefined : { ...e, ...(is ? { b: rest } : { a: rest }) },
        softplus: { ...softplus, unless: [...softplus.unless, { condition: e.condition, is }] },
      };
    }
  }
  return { rest: e, softplus: undefined };
}

/**
 * Choices that only totals read, and such that a NaN in them is one in the total: as terms or factors. `written`: what
 * has to be right at once.
 */
export function summedProducts(splits: readonly SplitTotal[], written: readonly Expr[]): Set<Expr> {
  const found = new Set<Expr>();
  const elsewhere = [...written];
  const enter = (e: NumberExpr): void => {
    if (e.op === 'add' || e.op === 'sub' || e.op === 'mul') {
      enter(e.a);
      enter(e.b);
    } else if (e.op === 'select' && (isZero(e.a) || isZero(e.b))) {
      found.add(e);
      elsewhere.push(e.condition);
      enter(isZero(e.a) ? e.b : e.a);
    } else elsewhere.push(...childrenOf(e));
  };
  for (const { rest, softplus } of splits) {
    if (rest !== undefined) enter(rest);
    if (softplus !== undefined)
      elsewhere.push(softplus.tail, ...softplus.unless.map(({ condition }) => condition));
  }
  walk(elsewhere, (e) => void found.delete(e));
  return found;
}

/** A sum of vectors: float32 for a while, then float64, and at last one number in scratch memory. */
export class TotalSum {
  readonly #stage: StageFunction;
  readonly #offset: number;
  readonly #partial: Local;
  readonly #low: Local;
  readonly #high: Local;

  constructor(stage: StageFunction, offset: number) {
    this.#stage = stage;
    this.#offset = offset;
    this.#partial = stage.fn.local('v128');
    this.#low = stage.fn.local('v128');
    this.#high = stage.fn.local('v128');
  }

  add(value: Term): void {
    const { fn } = this.#stage;
    fn.get(this.#partial);
    value();
    fn.op('f32x4.add').set(this.#partial);
  }

  flush(): void {
    const { fn, v } = this.#stage;
    const partial = v.local(this.#partial);
    fn.get(this.#low).get(this.#partial).op('f64x2.promote_low_f32x4').op('f64x2.add').set(this.#low);
    fn.get(this.#high);
    v.shuffle(partial, partial, [2, 3, 2, 3])();
    fn.op('f64x2.promote_low_f32x4').op('f64x2.add').set(this.#high);
    v.constant(0)();
    fn.set(this.#partial);
  }

  /** Leaves the sum on the stack as a float64. */
  value(): void {
    const { fn } = this.#stage;
    fn.get(this.#low).get(this.#high).op('f64x2.add').tee(this.#low).op('f64x2.extract_lane', 0);
    fn.get(this.#low).op('f64x2.extract_lane', 1).op('f64.add');
  }

  /** Adds the sum to the number in scratch memory. */
  finish(): void {
    const { fn } = this.#stage;
    fn.get(scratch).get(scratch).memory('f64.load', this.#offset);
    this.value();
    fn.op('f64.add').memory('f64.store', this.#offset);
  }

  /** Starts anew, for functions that keep several sums after one another. */
  reset(): void {
    const { fn, v } = this.#stage;
    for (const local of [this.#partial, this.#low, this.#high]) {
      v.constant(0)();
      fn.set(local);
    }
  }
}

/** Products of {@link vectorsPerSum} numbers in [1/2, 1] whose product is still a normal float32. */
const productsPerLogarithm = 3;
/** Pairs of factors whose logarithms are computed side by side: one logarithm alone waits for itself. */
const pairsAtOnce = 4;

/** Bytes that the factors of a tile take. */
export function factorBytes(tileVectors: number): number {
  return 32 * (Math.ceil(tileVectors / (vectorsPerSum * productsPerLogarithm)) + 2 + pairsAtOnce);
}

/** A product of numbers in [1/2, 1], and 1 less it. */
interface Factors {
  readonly product: Local;
  readonly complement: Local;
}

/**
 * A sum of log1p(exp(-|x|)) as the logarithm of a product: with q = sigma(-|x|) it is -log(1 - q). Beside the product
 * R of 1 - q goes Q = 1 - R, as a sum of positive terms: each has its own digits, R where much is left to be known of
 * a large sum, Q where R is nearly 1. log1p(Q / R) then has all digits, as a float32 sum would have, for three
 * operations a vector. Logarithms are few, and are taken when all is done.
 */
export class SoftplusSum {
  readonly #stage: StageFunction;
  readonly #of: SoftplusTerm;
  readonly #total: TotalSum;
  readonly #offset: number;
  readonly #cursor: Local;
  /** Products that are still to be multiplied before they are stored. */
  readonly #left: Local;
  readonly #inner: Factors;
  readonly #outer: Factors;

  /** `offset`: of the factors in scratch memory. */
  constructor(stage: StageFunction, of: SoftplusTerm, total: TotalSum, offset: number) {
    const { fn } = stage;
    this.#stage = stage;
    this.#of = of;
    this.#total = total;
    this.#offset = offset;
    this.#cursor = fn.local('i32');
    this.#left = fn.local('i32');
    this.#inner = { product: fn.local('v128'), complement: fn.local('v128') };
    this.#outer = { product: fn.local('v128'), complement: fn.local('v128') };
    fn.get(scratch).i32(offset).op('i32.add').set(this.#cursor);
    this.#reset(this.#inner);
    this.#restart();
  }

  /** `mask`: the lanes that count. */
  add(renderer: Renderer, mask?: Term): void {
    const { v } = this.#stage;
    let tail = renderer.term(this.#of.tail);
    for (const { condition, is } of this.#of.unless) {
      tail = v.let(is ? v.andnot(tail, renderer.term(condition)) : v.and(tail, renderer.term(condition)));
    }
    if (mask !== undefined) tail = v.let(v.and(tail, mask));
    this.#multiply(this.#inner, tail, undefined);
  }

  /** After every {@link vectorsPerSum} vectors. */
  flush(): void {
    const { fn, v } = this.#stage;
    this.#refine(this.#inner);
    this.#multiply(this.#outer, v.local(this.#inner.complement), v.local(this.#inner.product));
    this.#reset(this.#inner);
    fn.get(this.#left).i32(1).op('i32.sub').tee(this.#left).op('i32.eqz');
    fn.ifThen(() => {
      this.#store(0);
      this.#stage.increase(this.#cursor, 32);
      this.#restart();
    });
  }

  /** One more factor, which is 1 - q; given itself as well where it is not as good. */
  #multiply(factors: Factors, q: Term, factor: Term | undefined): void {
    const { fn, v } = this.#stage;
    const [product, complement] = [v.local(factors.product), v.local(factors.complement)];
    if (factor !== undefined || v.relaxed) {
      v.madd(q, product, complement)();
      fn.set(factors.complement);
      if (factor === undefined) v.nmadd(q, product, product)();
      else v.mul(factor, product)();
      fn.set(factors.product);
      return;
    }
    const term = v.let(v.mul(q, product));
    v.add(complement, term)();
    fn.set(factors.complement);
    v.sub(product, term)();
    fn.set(factors.product);
  }

  /** Near 1 the product has gathered roundings, which may all go one way: 1 - Q has but one. */
  #refine({ product, complement }: Factors): void {
    const { fn, v } = this.#stage;
    const rest = v.let(v.sub(v.constant(1), v.local(complement)));
    const isNear = v.let(v.binary('f32x4.lt', v.local(complement), v.constant(0.5)));
    v.select(isNear, rest, v.local(product))();
    fn.set(product);
  }

  #store(offset: number): void {
    const { fn } = this.#stage;
    this.#refine(this.#outer);
    fn.get(this.#cursor).get(this.#outer.complement).memory('v128.store', offset);
    fn.get(this.#cursor)
      .get(this.#outer.product)
      .memory('v128.store', offset + 16);
  }

  #restart(): void {
    this.#stage.fn.i32(productsPerLogarithm).set(this.#left);
    this.#reset(this.#outer);
  }

  /** Adds all of it to the total. */
  finish(): void {
    const stage = this.#stage;
    const { fn, v } = stage;
    this.#store(0);
    // What is read beyond the last pair adds nothing.
    this.#reset(this.#outer);
    for (let i = 1; i < pairsAtOnce; i++) this.#store(32 * i);
    stage.increase(this.#cursor, 32);
    const at = fn.local('i32');
    fn.get(scratch).i32(this.#offset).op('i32.add').set(at);
    fn.loop((again) => {
      const quotients = Array.from({ length: pairsAtOnce }, (_, i) => {
        const load = (offset: number): Term => v.let(() => fn.get(at).memory('v128.load', 32 * i + offset));
        return v.let(v.div(load(0), load(16)));
      });
      const logarithms = quotients.map((quotient) => v.let(log1p(v, quotient)));
      for (const logarithm of logarithms) this.#total.add(logarithm);
      this.#total.flush();
      stage.increase(at, 32 * pairsAtOnce);
      fn.get(at).get(this.#cursor).op('i32.lt_u');
      again();
    });
  }

  #reset({ product, complement }: Factors): void {
    const { fn, v } = this.#stage;
    v.constant(1)();
    fn.set(product);
    v.constant(0)();
    fn.set(complement);
  }
}
