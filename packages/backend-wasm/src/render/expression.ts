/** Expressions as vector code. */
import {
  isBinary,
  isCompare,
  isUnary,
  type BinaryOp,
  type CompareOp,
  type Expr,
  type NumberExpr,
  type UnaryOp,
} from '@softxent/core/program';
import type { Opcode } from '../emitter/opcodes.js';
import { exp, expOfNegative, log, log1p, pow, tails } from './functions.js';
import type { Term, Vectors } from './vectors.js';

/** What is known of a plan's numbers that saves instructions. */
export interface Facts {
  /** Whether the number is <= 0 or NaN wherever it is. */
  isNeverPositive(e: NumberExpr): boolean;
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

const isZero = (e: NumberExpr): boolean => e.op === 'constant' && Object.is(e.value, 0);

/** Writes expressions for one vector of rows or elements; each node is computed once. */
export class Renderer {
  readonly #v: Vectors;
  readonly #leaves: Leaves;
  readonly #facts: Facts;
  readonly #done = new Map<Expr, Term>();
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
      case 'select': {
        const condition = this.term(e.condition);
        if (isZero(e.b)) return v.let(v.and(this.term(e.a), condition));
        if (isZero(e.a)) return v.let(v.andnot(this.term(e.b), condition));
        return v.let(v.select(condition, this.term(e.a), this.term(e.b)));
      }
      default:
        throw new TypeError(`no value for ${e.op}`);
    }
  }

  #unary(op: UnaryOp, operand: NumberExpr): Term {
    const v = this.#v;
    const a = this.term(operand);
    switch (op) {
      case 'neg':
        return v.let(v.unary('f32x4.neg', a));
      case 'abs':
        return v.let(v.unary('f32x4.abs', a));
      case 'sqrt':
        return v.let(v.unary('f32x4.sqrt', a));
      case 'exp':
        return v.let(this.#facts.isNeverPositive(operand) ? expOfNegative(v, a) : exp(v, a));
      case 'log':
        return v.let(log(v, a));
      case 'log1p':
        return v.let(log1p(v, a));
      case 'logisticTail':
        return this.#tailsOf(operand, a).logistic;
      case 'softplusTail':
        return v.let(this.#tailsOf(operand, a).softplus());
    }
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
