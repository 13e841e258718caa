/** Expressions as vector code. */
import {
  isBinary,
  isCompare,
  isUnary,
  type BinaryOp,
  type CompareOp,
  type Expr,
  type NumberExpr,
  type TruthExpr,
  type UnaryOp,
} from '@softxent/core/program';
import type { Opcode } from '../emitter/opcodes.js';
import { exp, expOfNegative, log, log1p, logisticTail, pow, tails } from './functions.js';
import { signBit, type Term, type Vectors } from './vectors.js';

/** What is known of a plan's numbers that saves instructions. */
export interface Facts {
  /** Whether the number is <= 0 or NaN wherever it is. */
  isNeverPositive(e: NumberExpr): boolean;
  /** Whether log1p(exp(-|e|)) is wanted as well as sigma(-|e|). */
  needsSoftplusTail(e: NumberExpr): boolean;
  /** Whether 0 * Infinity may give NaN here: who reads the result looks at it and computes anew where it is NaN. */
  mayBeNaN(e: NumberExpr): boolean;
}

/** Gives terms for the leaves (operands, reductions, position) and for what was computed elsewhere. */
export type Leaves = (e: Expr) => Term | undefined;

const compares: Readonly<Record<CompareOp, Opcode>> = {
  lt: 'f32x4.lt',
  le: 'f32x4.le',
  eq: 'f32x4.eq',
};

const arithmetic: Readonly<Record<Exclude<BinaryOp, 'pow'>, Opcode>> = {
  add: 'f32x4.add',
  sub: 'f32x4.sub',
  mul: 'f32x4.mul',
  div: 'f32x4.div',
  min: 'f32x4.min',
  max: 'f32x4.max',
};

type Select = Extract<NumberExpr, { op: 'select' }>;

const isZero = (e: NumberExpr): boolean => e.op === 'constant' && Object.is(e.value, 0);

/** Writes expressions for one vector of rows or elements; each node is computed once. */
export class Renderer {
  readonly #v: Vectors;
  readonly #leaves: Leaves;
  readonly #facts: Facts;
  readonly #done = new Map<Expr, Term>();
  readonly #pairs = new Map<TruthExpr, Map<NumberExpr, { readonly a: NumberExpr; readonly term: Term }>>();
  readonly #flips = new Map<TruthExpr, Term>();
  readonly #logistics = new Map<NumberExpr, Term>();
  readonly #tails = new Map<NumberExpr, ReturnType<typeof tails>>();

  constructor(v: Vectors, leaves: Leaves, facts: Facts) {
    this.#v = v;
    this.#leaves = leaves;
    this.#facts = facts;
  }

  /** The value of an expression; a mask of all ones or zeros for a truth value. */
  term(e: Expr): Term {
    let term = this.#done.get(e);
    if (term === undefined) {
      term = this.#leaves(e) ?? this.#compute(e);
      this.#done.set(e, term);
    }
    return term;
  }

  #compute(e: Expr): Term {
    const v = this.#v;
    if (e.op === 'constant') return v.constant(e.value);
    if (e.op === 'truth') return v.bits(e.value ? -1 : 0);
    if (isUnary(e)) return this.#unary(e.op, e.a);
    if (isBinary(e)) {
      const [a, b] = [this.term(e.a), this.term(e.b)];
      return v.let(e.op === 'pow' ? pow(v, a, b) : v.binary(arithmetic[e.op], a, b));
    }
    if (isCompare(e)) return v.let(v.binary(compares[e.op], this.term(e.a), this.term(e.b)));
    switch (e.op) {
      case 'isNaN':
        return v.let(v.binary('f32x4.ne', this.term(e.a), this.term(e.a)));
      case 'and':
        return v.let(v.and(this.term(e.a), this.term(e.b)));
      case 'or':
        return v.let(v.or(this.term(e.a), this.term(e.b)));
      case 'not':
        return v.let(v.unary('v128.not', this.term(e.a)));
      case 'select':
        return this.#select(e);
      default:
        throw new TypeError(`no value for ${e.op}`);
    }
  }

  #select(e: Select): Term {
    const v = this.#v;
    const distance = this.#distance(e);
    if (distance !== undefined) return distance;
    const condition = this.term(e.condition);
    if (isZero(e.b)) return v.let(v.and(this.term(e.a), condition));
    if (isZero(e.a)) return v.let(v.andnot(this.term(e.b), condition));
    return this.#signedSelect(e) ?? v.let(v.select(condition, this.term(e.a), this.term(e.b)));
  }

  /**
   * The choices of sigmoid losses as arithmetic on signs, which is cheaper than selecting and rounds the same. With
   * d = 1 - t where the condition holds and -t elsewhere, and signs flipped elsewhere: `c ? 1 - t : t` is d flipped,
   * `c ? (1 - t) - q : q - t` is d - (q flipped).
   */
  #signedSelect({ condition, a, b }: Select): Term | undefined {
    const v = this.#v;
    const plain = this.#signedPair(condition, a, b);
    if (plain !== undefined) return v.let(v.xor(plain, this.#flip(condition)));
    if (a.op !== 'sub' || b.op !== 'sub' || a.b !== b.a) return undefined;
    const outer = this.#signedPair(condition, a.a, b.b);
    if (outer === undefined) return undefined;
    return v.let(v.sub(outer, v.xor(this.term(a.b), this.#flip(condition))));
  }

  /** `a` where the condition holds and -b elsewhere, for a = k - b (or that over a constant). */
  #signedPair(condition: TruthExpr, a: NumberExpr, b: NumberExpr): Term | undefined {
    const v = this.#v;
    let byTarget = this.#pairs.get(condition);
    if (byTarget === undefined) this.#pairs.set(condition, (byTarget = new Map()));
    const known = byTarget.get(b);
    if (known !== undefined && known.a === a) return known.term;
    let term: Term | undefined;
    if (a.op === 'sub' && a.a.op === 'constant' && a.b === b) {
      term = v.let(v.sub(v.and(this.term(a.a), this.term(condition)), this.term(b)));
    } else if (a.op === 'div' && b.op === 'div' && a.b === b.b && a.b.op === 'constant') {
      const numerator = this.#signedPair(condition, a.a, b.a);
      if (numerator !== undefined) term = v.let(v.div(numerator, this.term(a.b)));
    }
    if (term !== undefined) byTarget.set(b, { a, term });
    return term;
  }

  /**
   * `m = 0 ? 0 : m |x|` for m = `x >= 0 ? 1 - t : t`: d x with the same d, which has the sign of x where it is not 0.
   */
  #distance(e: Select): Term | undefined {
    const { condition, a, b } = e;
    if (!isZero(a) || b.op !== 'mul' || condition.op !== 'eq') return undefined;
    const m = isZero(condition.b) ? condition.a : condition.b;
    const other = b.a === m ? b.b : b.b === m ? b.a : undefined;
    const hasZero = isZero(condition.a) || isZero(condition.b);
    if (!hasZero || m.op !== 'select' || other?.op !== 'abs') return undefined;
    const sign = m.condition;
    if (sign.op !== 'le' || !isZero(sign.a) || sign.b !== other.a) return undefined;
    const d = this.#signedPair(sign, m.a, m.b);
    if (d === undefined) return undefined;
    const v = this.#v;
    const product = v.mul(d, this.term(other.a));
    if (this.#facts.mayBeNaN(e)) return v.let(product);
    return v.let(v.andnot(product, v.binary('f32x4.eq', d, v.constant(0))));
  }

  /** The sign bit where the condition does not hold. */
  #flip(condition: TruthExpr): Term {
    let flip = this.#flips.get(condition);
    if (flip === undefined) {
      flip = this.#v.let(this.#v.andnot(this.#v.bits(signBit), this.term(condition)));
      this.#flips.set(condition, flip);
    }
    return flip;
  }

  #unary(op: UnaryOp, operand: NumberExpr): Term {
    const v = this.#v;
    const a = this.term(operand);
    switch (op) {
      case 'neg':
        return v.let(v.neg(a));
      case 'abs':
        return v.let(v.abs(a));
      case 'sqrt':
        return v.let(v.unary('f32x4.sqrt', a));
      case 'exp':
        return v.let(this.#facts.isNeverPositive(operand) ? expOfNegative(v, a) : exp(v, a));
      case 'log':
        return v.let(log(v, a));
      case 'log1p':
        return v.let(log1p(v, a));
      case 'logisticTail':
        return this.#facts.needsSoftplusTail(operand)
          ? this.#tailsOf(operand, a).logistic
          : this.#logisticOf(operand, a);
      case 'softplusTail':
        return v.let(this.#tailsOf(operand, a).softplus());
    }
  }

  #logisticOf(operand: NumberExpr, a: Term): Term {
    let term = this.#logistics.get(operand);
    if (term === undefined) {
      term = this.#v.let(logisticTail(this.#v, a));
      this.#logistics.set(operand, term);
    }
    return term;
  }

  #tailsOf(operand: NumberExpr, a: Term): ReturnType<typeof tails> {
    let pair = this.#tails.get(operand);
    if (pair === undefined) {
      pair = tails(this.#v, a);
      this.#tails.set(operand, pair);
    }
    return pair;
  }
}
