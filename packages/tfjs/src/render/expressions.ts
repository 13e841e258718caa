import { ProgramError } from '@softxent/core';
import {
  childrenOf,
  isTruth,
  walk,
  type Expr,
  type NumberExpr,
  type TruthExpr,
} from '@softxent/core/program';
import type { TensorFlow, TfTensor } from '../tf.js';
import type { Functions } from './functions.js';

/** Where the leaves of expressions come from. What they return belongs to the renderer. */
export interface Leaves {
  operand(name: string): TfTensor;
  reduction(name: string): TfTensor;
  scale(): number;
  position(): TfTensor;
}

/** A tensor, or a number that is the same for every element. */
export type Value = TfTensor | number;

/**
 * Computes expressions as tensors. Every distinct expression (by identity: they are shared) is computed once, and freed when
 * the last that reads it has been: memory for a handful of intermediate results, not for all.
 *
 * tf.softplus, tf.maximum and tf.minimum are not used: softplus cuts over to exp with an error of 7 ulp near -13.9, and the wasm
 * backend's maximum and minimum drop NaN.
 */
export class ExpressionRenderer {
  readonly #tf: TensorFlow;
  readonly #leaves: Leaves;
  readonly #functions: Functions;
  readonly #known = new Map<Expr, Value>();
  readonly #uses = new Map<Expr, number>();
  /** exp(-|a|), which both tails of an expression a read, with the number of those that have yet to. */
  readonly #exponentials = new Map<Expr, { u: TfTensor | undefined; uses: number }>();

  /** `roots`: every expression that {@link take} will be asked for, as often as it will. */
  constructor(tf: TensorFlow, functions: Functions, leaves: Leaves, roots: readonly NumberExpr[]) {
    this.#tf = tf;
    this.#leaves = leaves;
    this.#functions = functions;
    const use = (e: Expr): void => void this.#uses.set(e, (this.#uses.get(e) ?? 0) + 1);
    for (const root of roots) use(root);
    walk(roots, (e) => {
      for (const child of childrenOf(e)) use(child);
      if (e.op !== 'logisticTail' && e.op !== 'softplusTail') return;
      const shared = this.#exponentials.get(e.a);
      if (shared === undefined) this.#exponentials.set(e.a, { u: undefined, uses: 1 });
      else shared.uses++;
    });
  }

  /** The value of a root. A tensor is the caller's to dispose of. */
  take(root: NumberExpr): Value {
    const value = this.#compute(root);
    const own = typeof value === 'number' ? value : value.clone();
    this.#release(root);
    return own;
  }

  #compute(e: Expr): Value {
    const known = this.#known.get(e);
    if (known !== undefined) return known;
    for (const child of childrenOf(e)) this.#compute(child);
    const value = isTruth(e) ? this.#truth(e) : this.#number(e);
    for (const child of childrenOf(e)) this.#release(child);
    this.#known.set(e, value);
    return value;
  }

  #release(e: Expr): void {
    const uses = (this.#uses.get(e) ?? 0) - 1;
    this.#uses.set(e, uses);
    if (uses > 0) return;
    const value = this.#known.get(e);
    if (value !== undefined && typeof value !== 'number') value.dispose();
    this.#known.delete(e);
  }

  /** The value of an expression that has been computed. */
  #at(e: Expr): Value {
    const value = this.#known.get(e);
    if (value === undefined) throw new Error('an expression was freed before its last use');
    return value;
  }

  #tensorAt(e: Expr): TfTensor {
    const value = this.#at(e);
    return typeof value === 'number' ? this.#tf.scalar(value) : value;
  }

  #number(e: NumberExpr): Value {
    switch (e.op) {
      case 'constant':
        return e.value;
      case 'operand':
        return this.#leaves.operand(e.name);
      case 'parameter':
        return this.#leaves.scale();
      case 'reduction':
        return this.#leaves.reduction(e.name);
      case 'position':
        return this.#leaves.position();
      case 'logisticTail':
      case 'softplusTail':
        return this.#tail(e.op, e.a);
      default:
        return this.#tf.tidy(() => this.#operation(e));
    }
  }

  #operation(e: Exclude<NumberExpr, { op: 'constant' }>): TfTensor {
    const tf = this.#tf;
    const f = this.#functions;
    switch (e.op) {
      case 'neg':
        return tf.neg(this.#tensorAt(e.a));
      case 'abs':
        return tf.abs(this.#tensorAt(e.a));
      case 'sqrt':
        return tf.sqrt(this.#tensorAt(e.a));
      case 'exp':
        return f.exp(this.#tensorAt(e.a));
      case 'log':
        return f.log(this.#tensorAt(e.a));
      case 'log1p':
        return f.log1p(this.#tensorAt(e.a));
      case 'add':
        return tf.add(this.#at(e.a), this.#at(e.b));
      case 'sub':
        return tf.sub(this.#at(e.a), this.#at(e.b));
      case 'mul':
        return tf.mul(this.#at(e.a), this.#at(e.b));
      case 'div':
        return f.div(this.#at(e.a), this.#at(e.b));
      case 'pow':
        return f.pow(this.#at(e.a), this.#at(e.b));
      case 'min':
        return f.extreme(this.#at(e.a), this.#at(e.b), (a, b) => tf.less(a, b));
      case 'max':
        return f.extreme(this.#at(e.a), this.#at(e.b), (a, b) => tf.less(b, a));
      case 'select':
        return tf.where(this.#tensorAt(e.condition), this.#tensorAt(e.a), this.#tensorAt(e.b));
      default:
        throw new ProgramError({
          subject: 'expression',
          found: `the operation ${e.op}`,
          expected: 'one that TensorFlow.js can compute',
        });
    }
  }

  #truth(e: TruthExpr): TfTensor {
    const tf = this.#tf;
    return tf.tidy(() => {
      switch (e.op) {
        case 'truth':
          return tf.scalar(e.value, 'bool');
        case 'lt':
          return tf.less(this.#at(e.a), this.#at(e.b));
        case 'le':
          return tf.lessEqual(this.#at(e.a), this.#at(e.b));
        case 'eq':
          return tf.equal(this.#at(e.a), this.#at(e.b));
        case 'isNaN':
          return this.#functions.isNaN(this.#tensorAt(e.a));
        case 'not':
          return tf.logicalNot(this.#tensorAt(e.a));
        case 'and':
          return tf.logicalAnd(this.#tensorAt(e.a), this.#tensorAt(e.b));
        case 'or':
          return tf.logicalOr(this.#tensorAt(e.a), this.#tensorAt(e.b));
      }
    });
  }

  #tail(op: 'logisticTail' | 'softplusTail', a: NumberExpr): TfTensor {
    const tf = this.#tf;
    const shared = this.#exponentials.get(a) as { u: TfTensor | undefined; uses: number };
    const u = (shared.u ??= tf.tidy(() => this.#functions.exp(tf.neg(tf.abs(this.#tensorAt(a))))));
    const result = tf.tidy(() =>
      op === 'logisticTail' ? tf.div(u, tf.add(u, 1)) : this.#functions.log1pOfUnit(u),
    );
    if (--shared.uses === 0) u.dispose();
    return result;
  }
}
