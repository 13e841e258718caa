/**
 * Constructors of expressions. Each folds constants and applies the identities that hold for every IEEE number, NaN
 * and infinities included (x * 0 is not one of them; x + 0 is taken as x although it would turn -0 into 0).
 */
import type { BinaryOp, CompareOp, NumberExpr, OperandName, TruthExpr, UnaryOp } from './expression.js';
import { foldBinary, foldCompare, foldUnary } from './fold.js';

/** A number or an expression. */
export type Value = number | NumberExpr;

const lift = (value: Value): NumberExpr => (typeof value === 'number' ? constant(value) : value);

/** A constant. */
export const constant = (value: number): NumberExpr => ({ op: 'constant', value });
/** A constant truth value. */
export const truth = (value: boolean): TruthExpr => ({ op: 'truth', value });
/** An operand as stored. */
export const operand = (name: OperandName): NumberExpr => ({ op: 'operand', name });
/** The number that each run gives: the factor of all gradients. */
export const parameter = (name: 'scale'): NumberExpr => ({ op: 'parameter', name });
/** Index along the reduced axis. */
export const position: NumberExpr = { op: 'position' };
/** Length of the reduced axis. */
export const extent: NumberExpr = { op: 'extent' };
/** A reduction of the row, by its name in the program. */
export const reduction = (name: string): NumberExpr => ({ op: 'reduction', name });

const isConstant = (e: NumberExpr, value?: number): e is Extract<NumberExpr, { op: 'constant' }> =>
  e.op === 'constant' && (value === undefined || e.value === value);

function unary(op: UnaryOp, value: Value): NumberExpr {
  const a = lift(value);
  if (a.op === 'constant') return constant(foldUnary(op, a.value));
  return { op, a };
}

/** -a */
export function neg(value: Value): NumberExpr {
  const a = lift(value);
  return a.op === 'neg' ? a.a : unary('neg', a);
}

/** |a| */
export function abs(value: Value): NumberExpr {
  const a = lift(value);
  if (a.op === 'neg') return abs(a.a);
  return a.op === 'abs' ? a : unary('abs', a);
}

/** exp a */
export const exp = (a: Value): NumberExpr => unary('exp', a);
/** Natural logarithm. */
export const log = (a: Value): NumberExpr => unary('log', a);
/** log(1 + a), accurate for small a. */
export const log1p = (a: Value): NumberExpr => unary('log1p', a);
/** Square root. */
export const sqrt = (a: Value): NumberExpr => unary('sqrt', a);
/** sigma(-|a|). */
export const logisticTail = (a: Value): NumberExpr => unary('logisticTail', a);
/** log1p(exp(-|a|)). */
export const softplusTail = (a: Value): NumberExpr => unary('softplusTail', a);

function binary(op: BinaryOp, a: NumberExpr, b: NumberExpr): NumberExpr {
  if (a.op === 'constant' && b.op === 'constant') return constant(foldBinary(op, a.value, b.value));
  return { op, a, b };
}

/** a + b */
export function add(left: Value, right: Value): NumberExpr {
  const a = lift(left);
  const b = lift(right);
  if (isConstant(a, 0)) return b;
  if (isConstant(b, 0)) return a;
  if (b.op === 'neg') return sub(a, b.a);
  if (a.op === 'neg') return sub(b, a.a);
  return binary('add', a, b);
}

/** a - b */
export function sub(left: Value, right: Value): NumberExpr {
  const a = lift(left);
  const b = lift(right);
  if (isConstant(b, 0)) return a;
  if (isConstant(a, 0)) return neg(b);
  if (b.op === 'neg') return add(a, b.a);
  return binary('sub', a, b);
}

/** a * b */
export function mul(left: Value, right: Value): NumberExpr {
  const a = lift(left);
  const b = lift(right);
  if (isConstant(a, 1)) return b;
  if (isConstant(b, 1)) return a;
  if (isConstant(a, -1)) return neg(b);
  if (isConstant(b, -1)) return neg(a);
  if (a.op === 'neg' && b.op === 'neg') return mul(a.a, b.a);
  return binary('mul', a, b);
}

/** a / b */
export function div(left: Value, right: Value): NumberExpr {
  const a = lift(left);
  const b = lift(right);
  if (isConstant(b, 1)) return a;
  if (isConstant(b, -1)) return neg(a);
  return binary('div', a, b);
}

/** The lesser; NaN if either is NaN. */
export const min = (a: Value, b: Value): NumberExpr => binary('min', lift(a), lift(b));
/** The greater; NaN if either is NaN. */
export const max = (a: Value, b: Value): NumberExpr => binary('max', lift(a), lift(b));

/** a to the power b. Whole powers up to 4 and 1/2 become products and a square root. */
export function pow(base: Value, power: Value): NumberExpr {
  const a = lift(base);
  const b = lift(power);
  if (b.op === 'constant' && a.op !== 'constant') {
    if (b.value === 0) return constant(1);
    if (b.value === 1) return a;
    if (b.value === 2) return mul(a, a);
    if (b.value === 3) return mul(a, mul(a, a));
    if (b.value === 4) return mul(mul(a, a), mul(a, a));
  }
  return binary('pow', a, b);
}

function compare(op: CompareOp, left: Value, right: Value): TruthExpr {
  const a = lift(left);
  const b = lift(right);
  if (a.op === 'constant' && b.op === 'constant') return truth(foldCompare(op, a.value, b.value));
  return { op, a, b };
}

/** a < b; false with NaN. */
export const lt = (a: Value, b: Value): TruthExpr => compare('lt', a, b);
/** a <= b; false with NaN. */
export const le = (a: Value, b: Value): TruthExpr => compare('le', a, b);
/** a == b; false with NaN. */
export const eq = (a: Value, b: Value): TruthExpr => compare('eq', a, b);

/** Whether a is NaN. An operation of its own: not every device keeps `a != a`. */
export function isNaN(value: Value): TruthExpr {
  const a = lift(value);
  return a.op === 'constant' ? truth(Number.isNaN(a.value)) : { op: 'isNaN', a };
}

/** Both. */
export function and(a: TruthExpr, b: TruthExpr): TruthExpr {
  if (a.op === 'truth') return a.value ? b : a;
  if (b.op === 'truth') return b.value ? a : b;
  return { op: 'and', a, b };
}

/** Either. */
export function or(a: TruthExpr, b: TruthExpr): TruthExpr {
  if (a.op === 'truth') return a.value ? a : b;
  if (b.op === 'truth') return b.value ? b : a;
  return { op: 'or', a, b };
}

/** Not. */
export function not(a: TruthExpr): TruthExpr {
  if (a.op === 'truth') return truth(!a.value);
  return a.op === 'not' ? a.a : { op: 'not', a };
}

/** `a` where the condition holds, else `b`. */
export function select(condition: TruthExpr, whenTrue: Value, whenFalse: Value): NumberExpr {
  const a = lift(whenTrue);
  const b = lift(whenFalse);
  if (condition.op === 'truth') return condition.value ? a : b;
  if (a === b || (a.op === 'constant' && b.op === 'constant' && Object.is(a.value, b.value))) return a;
  if (condition.op === 'not') return select(condition.a, b, a);
  return { op: 'select', condition, a, b };
}

/** `a * b`, and 0 wherever a is 0, whatever b holds: the convention 0 log 0 = 0. */
export function mulOrZero(a: Value, b: Value): NumberExpr {
  const left = lift(a);
  if (left.op === 'constant') return left.value === 0 ? constant(0) : mul(left, b);
  if (left.op === 'select' && left.a.op === 'constant' && left.b.op === 'constant') {
    return select(left.condition, mulOrZero(left.a, b), mulOrZero(left.b, b));
  }
  return select(eq(left, 0), 0, mul(left, b));
}

/** The sum of any number of terms, from the left. */
export function addAll(...terms: readonly Value[]): NumberExpr {
  return terms.reduce<NumberExpr>((total, term) => add(total, term), constant(0));
}
