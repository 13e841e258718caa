import type { NumberExpr, TruthExpr } from '@softxent/core/program';
import {
  composedExp,
  composedLog,
  composedLog1p,
  composedPow,
  isNaNByComparison,
  log1pSeries,
} from './functions.js';
import { GraphError, type GraphBuilder, type GraphDType, type Operand, type Value } from '../graph/index.js';

/** What a provider's kernels need to be rendered right. */
export interface Dialect {
  /** Whether Exp, Log and Pow are right to a few ulp and keep NaN; else they are composed (see `functions.ts`). */
  readonly exactFunctions: boolean;
  /** Whether there are the operators IsNaN and Or; else they are made of comparisons, And and Not. */
  readonly allLogic: boolean;
  /** Sums in float64, where the provider has it; else long sums are left to the host. */
  readonly float64: boolean;
  /**
   * Whether tensors that end in an axis of size 1 are slow beside operands of rank 0 and to sum (measured on CPUs: 20 and 35 times, since
   * the provider then goes from number to number). Numbers get the tensors' rank, and sums are taken without that axis.
   */
  readonly slowLastOnes: boolean;
}

/** Where the leaves of expressions come from. */
export interface Leaves {
  operand(name: string): Value;
  reduction(name: string): Value;
  parameter(name: string): Value;
  position(): Value;
  extent(): Operand;
}

/**
 * Renders expressions to nodes of a graph, every distinct expression (by identity: they are shared) once.
 *
 * ONNX Runtime's own Softplus, Sigmoid, Relu, Min and Max are not used: Sigmoid and Softplus are 0 below about -17 on several providers,
 * and NaN is lost on others.
 */
export class ExpressionRenderer {
  readonly #g: GraphBuilder;
  readonly #dtype: GraphDType;
  readonly #leaves: Leaves;
  readonly #dialect: Dialect;
  readonly #numbers = new Map<NumberExpr, Operand>();
  readonly #truths = new Map<TruthExpr, Value | boolean>();
  readonly #tails = new Map<Operand, { u: Value; v: Value }>();

  /** Numbers are computed in `dtype`. */
  constructor(g: GraphBuilder, dtype: GraphDType, leaves: Leaves, dialect: Dialect) {
    this.#g = g;
    this.#dtype = dtype;
    this.#leaves = leaves;
    this.#dialect = dialect;
  }

  /** The expression as a value of the graph: constants become scalars. */
  value(e: NumberExpr): Value {
    return this.#value(this.#number(e));
  }

  #value(operand: Operand): Value {
    return this.#g.operand(operand, this.#dtype);
  }

  #number(e: NumberExpr): Operand {
    let result = this.#numbers.get(e);
    if (result === undefined) {
      result = this.#render(e);
      this.#numbers.set(e, result);
    }
    return result;
  }

  #render(e: NumberExpr): Operand {
    const g = this.#g;
    switch (e.op) {
      case 'constant':
        return e.value;
      case 'operand':
        return this.#leaves.operand(e.name);
      case 'parameter':
        return this.#leaves.parameter(e.name);
      case 'reduction':
        return this.#leaves.reduction(e.name);
      case 'position':
        return this.#leaves.position();
      case 'extent':
        return this.#leaves.extent();
      case 'neg':
        return g.neg(this.value(e.a));
      case 'abs':
        return g.abs(this.value(e.a));
      case 'sqrt':
        return g.sqrt(this.value(e.a));
      case 'exp':
        return e.a.op === 'sub' ? this.#expOfDifference(e.a) : this.#exp(this.value(e.a));
      case 'log':
        return this.#dialect.exactFunctions ? g.log(this.value(e.a)) : composedLog(g, this.value(e.a));
      case 'log1p':
        return this.#dialect.exactFunctions
          ? this.#log1p(this.value(e.a))
          : composedLog1p(g, this.value(e.a));
      case 'logisticTail': {
        const { u, v } = this.#tail(this.value(e.a));
        return g.div(u, v);
      }
      case 'softplusTail': {
        const { u, v } = this.#tail(this.value(e.a));
        return this.#dialect.exactFunctions ? g.add(g.log(v), correction(g, u, v)) : log1pSeries(g, u);
      }
      case 'add':
        return this.#binary(e, (a, b) => g.add(a, b));
      case 'sub':
        return this.#binary(e, (a, b) => g.sub(a, b));
      case 'mul':
        return this.#binary(e, (a, b) => g.mul(a, b));
      case 'div':
        return this.#binary(e, (a, b) => g.div(a, b));
      case 'pow':
        return this.#binary(e, (a, b) => this.#pow(a, b));
      case 'min':
        return this.#binary(e, (a, b) => this.#extreme(a, b, (x, y) => g.less(x, y)));
      case 'max':
        return this.#binary(e, (a, b) => this.#extreme(a, b, (x, y) => g.greater(x, y)));
      case 'select': {
        const condition = this.#truth(e.condition);
        if (typeof condition === 'boolean') return this.#number(condition ? e.a : e.b);
        const [a, b] = [this.#number(e.a), this.#number(e.b)];
        return g.where(condition, typeof a === 'number' && typeof b === 'number' ? this.#value(a) : a, b);
      }
      default:
        throw new GraphError(
          `the expression operation '${(e as { op: string }).op}' is not known to the ONNX renderer`,
        );
    }
  }

  #truth(e: TruthExpr): Value | boolean {
    let result = this.#truths.get(e);
    if (result === undefined) {
      result = this.#renderTruth(e);
      this.#truths.set(e, result);
    }
    return result;
  }

  #renderTruth(e: TruthExpr): Value | boolean {
    const g = this.#g;
    switch (e.op) {
      case 'truth':
        return e.value;
      case 'lt':
        return g.less(this.value(e.a), this.value(e.b));
      case 'le':
        return g.lessOrEqual(this.value(e.a), this.value(e.b));
      case 'eq':
        return g.equal(this.value(e.a), this.value(e.b));
      case 'isNaN':
        return this.#isNaN(this.value(e.a));
      case 'not': {
        const a = this.#truth(e.a);
        return typeof a === 'boolean' ? !a : g.not(a);
      }
      case 'and': {
        const [a, b] = [this.#truth(e.a), this.#truth(e.b)];
        if (typeof a === 'boolean') return a && b;
        return typeof b === 'boolean' ? b && a : g.and(a, b);
      }
      case 'or': {
        const [a, b] = [this.#truth(e.a), this.#truth(e.b)];
        if (typeof a === 'boolean') return a || b;
        return typeof b === 'boolean' ? b || a : this.#or(a, b);
      }
      default:
        throw new GraphError(
          `the truth operation '${(e as { op: string }).op}' is not known to the ONNX renderer`,
        );
    }
  }

  #binary(
    e: { readonly a: NumberExpr; readonly b: NumberExpr },
    make: (a: Operand, b: Operand) => Operand,
  ): Operand {
    const [a, b] = [this.#number(e.a), this.#number(e.b)];
    return make(typeof a === 'number' && typeof b === 'number' ? this.#value(a) : a, b);
  }

  /** u = exp(-|a|) and v = 1 + u, shared by both tails of one expression. */
  #tail(a: Value): { u: Value; v: Value } {
    let tail = this.#tails.get(a);
    if (tail === undefined) {
      const u = this.#exp(this.#g.neg(this.#g.abs(a)));
      tail = { u, v: this.#g.add(u, 1) };
      this.#tails.set(a, tail);
    }
    return tail;
  }

  #log1p(a: Value): Value {
    const g = this.#g;
    const v = g.add(a, 1);
    const log = g.log(v);
    // Outside (-0.5, 3.5) the correction is 0 or less than half an ulp, and 0/0 or inf - inf at the ends.
    const near = g.less(g.abs(g.sub(a, 1.5)), 2);
    return g.where(near, g.add(log, correction(g, a, v)), log);
  }

  /** min or max: the operand that `beats` the other; NaN where either is NaN. */
  #extreme(a: Operand, b: Operand, beats: (a: Operand, b: Operand) => Value): Value {
    const g = this.#g;
    // With a constant on one side only the other can be NaN: it stays unless the constant beats it.
    if (typeof a === 'number' && !Number.isNaN(a)) return g.where(beats(a, b), a, this.#value(b));
    if (typeof b === 'number' && !Number.isNaN(b)) return g.where(beats(b, a), b, this.#value(a));
    const worse = g.where(beats(b, a), b, g.add(a, b));
    return g.where(beats(a, b), a, g.where(g.equal(a, b), a, worse));
  }

  #exp(a: Value): Value {
    return this.#dialect.exactFunctions ? this.#g.exp(a) : composedExp(this.#g, a);
  }

  /**
   * exp(a - b) = exp(d) (1 + r), d being the difference rounded and r what rounding lost (Knuth's exact subtraction): without it half an
   * ulp of d is as many ulp of the result as d is large.
   */
  #expOfDifference(difference: { readonly a: NumberExpr; readonly b: NumberExpr } & NumberExpr): Value {
    const g = this.#g;
    const [a, b] = [this.value(difference.a), this.value(difference.b)];
    const d = this.value(difference);
    const bBack = g.sub(a, d);
    const aBack = g.add(d, bBack);
    const lost = g.add(g.sub(a, aBack), g.sub(bBack, b));
    // With infinities it is NaN, and there is nothing to correct.
    const r = g.where(g.less(g.abs(lost), 1), lost, 0);
    return g.mul(this.#exp(d), g.add(r, 1));
  }

  #pow(a: Operand, b: Operand): Value {
    if (this.#dialect.exactFunctions) return this.#g.pow(a, b);
    const whole = typeof b === 'number' && Number.isInteger(b) ? (b % 2 === 0 ? 'even' : 'odd') : undefined;
    return composedPow(this.#g, this.#value(a), this.#value(b), whole);
  }

  #isNaN(a: Value): Value {
    if (!this.#dialect.allLogic) return isNaNByComparison(this.#g, a);
    return this.#g.op('IsNaN', [a], {}, { dtype: 'bool', shape: a.shape });
  }

  #or(a: Value, b: Value): Value {
    const g = this.#g;
    return this.#dialect.allLogic ? g.or(a, b) : g.not(g.and(g.not(a), g.not(b)));
  }
}

/** (a - (v - 1)) / v: what Log(v) misses of log(1 + a), v being 1 + a rounded. */
function correction(g: GraphBuilder, a: Value, v: Value): Value {
  return g.div(g.sub(a, g.sub(v, 1)), v);
}
