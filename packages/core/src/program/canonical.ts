/** Simplification and sharing: after it, equal expressions are the same object. */
import * as b from './build.js';
import {
  isBinary,
  isCompare,
  isTruth,
  isUnary,
  type BinaryOp,
  type CompareOp,
  type Expr,
  type NumberExpr,
  type TruthExpr,
  type UnaryOp,
} from './expression.js';

const unaries: Record<UnaryOp, (a: NumberExpr) => NumberExpr> = {
  neg: b.neg,
  abs: b.abs,
  exp: b.exp,
  log: b.log,
  log1p: b.log1p,
  sqrt: b.sqrt,
  logisticTail: b.logisticTail,
  softplusTail: b.softplusTail,
};
const binaries: Record<BinaryOp, (a: NumberExpr, c: NumberExpr) => NumberExpr> = {
  add: b.add,
  sub: b.sub,
  mul: b.mul,
  div: b.div,
  min: b.min,
  max: b.max,
  pow: b.pow,
};
const compares: Record<CompareOp, (a: NumberExpr, c: NumberExpr) => TruthExpr> = {
  lt: b.lt,
  le: b.le,
  eq: b.eq,
};

// `a op b` and `b op a` give the same bits for these, so they share one key.
const commutative: ReadonlySet<string> = new Set(['add', 'mul', 'min', 'max', 'eq', 'and', 'or']);

/**
 * Rebuilds expressions bottom-up through the folding constructors and interns every node: common subexpressions become
 * one object, so a renderer that names each object once computes each value once.
 */
export class Canonical {
  readonly #interned = new Map<string, Expr>();
  readonly #ids = new Map<Expr, number>();
  readonly #done = new Map<Expr, Expr>();
  readonly #constants: { readonly extent?: number };

  /** `extent`, where known, turns the leaf of that name into a constant. */
  constructor(constants: { readonly extent?: number } = {}) {
    this.#constants = constants;
  }

  number(e: NumberExpr): NumberExpr {
    return this.#rebuild(e) as NumberExpr;
  }

  truth(e: TruthExpr): TruthExpr {
    return this.#rebuild(e) as TruthExpr;
  }

  #rebuild(e: Expr): Expr {
    const known = this.#done.get(e);
    if (known !== undefined) return known;
    const result = this.#intern(isTruth(e) ? this.#rebuildTruth(e) : this.#rebuildNumber(e));
    this.#done.set(e, result);
    this.#done.set(result, result);
    return result;
  }

  #rebuildTruth(e: TruthExpr): TruthExpr {
    if (isCompare(e)) return compares[e.op](this.number(e.a), this.number(e.b));
    switch (e.op) {
      case 'truth':
        return e;
      case 'isNaN':
        return b.isNaN(this.number(e.a));
      case 'not':
        return b.not(this.truth(e.a));
      case 'and':
        return sameOr(this.truth(e.a), this.truth(e.b), b.and);
      case 'or':
        return sameOr(this.truth(e.a), this.truth(e.b), b.or);
    }
  }

  #rebuildNumber(e: NumberExpr): NumberExpr {
    if (isUnary(e)) return unaries[e.op](this.number(e.a));
    if (isBinary(e)) return binaries[e.op](this.number(e.a), this.number(e.b));
    if (e.op === 'select') return b.select(this.truth(e.condition), this.number(e.a), this.number(e.b));
    if (e.op === 'extent' && this.#constants.extent !== undefined) return b.constant(this.#constants.extent);
    return e;
  }

  // A constructor may build inner nodes of its own (pow does), so operands are interned here too.
  #intern(e: Expr): Expr {
    if (this.#ids.has(e)) return e;
    const whole = this.#withInternedChildren(e);
    const key = this.#key(whole);
    const known = this.#interned.get(key);
    if (known !== undefined) return known;
    this.#interned.set(key, whole);
    this.#ids.set(whole, this.#ids.size);
    return whole;
  }

  #withInternedChildren(e: Expr): Expr {
    if (e.op === 'select') {
      const condition = this.#intern(e.condition) as TruthExpr;
      const a = this.#intern(e.a) as NumberExpr;
      const c = this.#intern(e.b) as NumberExpr;
      return condition === e.condition && a === e.a && c === e.b ? e : { op: 'select', condition, a, b: c };
    }
    if (!('a' in e)) return e;
    const a = this.#intern(e.a);
    if (!('b' in e)) return a === e.a ? e : ({ ...e, a } as Expr);
    const c = this.#intern(e.b);
    return a === e.a && c === e.b ? e : ({ ...e, a, b: c } as Expr);
  }

  #key(e: Expr): string {
    switch (e.op) {
      case 'constant':
        return `constant ${Object.is(e.value, -0) ? '-0' : e.value}`;
      case 'truth':
        return `truth ${e.value}`;
      case 'operand':
      case 'parameter':
      case 'reduction':
        return `${e.op} ${e.name}`;
      case 'position':
      case 'extent':
        return e.op;
      case 'select':
        return `select ${this.#ids.get(e.condition)} ${this.#ids.get(e.a)} ${this.#ids.get(e.b)}`;
      default: {
        const ids = 'b' in e ? [this.#ids.get(e.a), this.#ids.get(e.b)] : [this.#ids.get(e.a)];
        if (commutative.has(e.op)) ids.sort((x, y) => (x ?? 0) - (y ?? 0));
        return `${e.op} ${ids.join(' ')}`;
      }
    }
  }
}

function sameOr(a: TruthExpr, c: TruthExpr, make: (x: TruthExpr, y: TruthExpr) => TruthExpr): TruthExpr {
  return a === c ? a : make(a, c);
}
