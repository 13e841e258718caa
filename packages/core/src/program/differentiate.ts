/** Symbolic derivatives of expressions and, through their reductions, of whole programs. */
import * as b from './build.js';
import { isBinary, isUnary, type BinaryOp, type NumberExpr, type UnaryOp } from './expression.js';
import type { Gradients, Program, Reduction } from './program.js';

/** What is held variable: an operand, or a reduction of the row. */
export type Variable =
  | { readonly op: 'operand'; readonly name: string }
  | { readonly op: 'reduction'; readonly name: string };

/**
 * d expression / d variable, everything else held constant. At a kink (|a| at 0, min and max at a tie) the derivative
 * is that of one side. A `select` is differentiated branch by branch: its condition is taken as locally constant.
 */
export function differentiate(expression: NumberExpr, variable: Variable): NumberExpr {
  const known = new Map<NumberExpr, NumberExpr>();
  const derive = (e: NumberExpr): NumberExpr => {
    let result = known.get(e);
    if (result === undefined) {
      result = rule(e);
      known.set(e, result);
    }
    return result;
  };
  const rule = (e: NumberExpr): NumberExpr => {
    if (e.op === variable.op && 'name' in e && e.name === variable.name) return b.constant(1);
    if (isUnary(e)) {
      const inner = derive(e.a);
      return isZero(inner) ? inner : b.mul(unaryDerivative(e.op, e.a, e), inner);
    }
    if (isBinary(e)) return binaryDerivative(e.op, e.a, e.b, e, derive(e.a), derive(e.b));
    if (e.op === 'select') {
      const whenTrue = derive(e.a);
      const whenFalse = derive(e.b);
      return isZero(whenTrue) && isZero(whenFalse) ? whenTrue : b.select(e.condition, whenTrue, whenFalse);
    }
    return b.constant(0);
  };
  return derive(expression);
}

const isZero = (e: NumberExpr): boolean => e.op === 'constant' && e.value === 0;

// +1 at 0: then |a|, both tails, `max` and `le(0, a)` all take their right-hand side there, and smooth functions that
// are put together from them (the sigmoid, softplus) get their true derivative at 0.
const signOf = (a: NumberExpr): NumberExpr => b.select(b.lt(a, 0), -1, 1);

function unaryDerivative(op: UnaryOp, a: NumberExpr, whole: NumberExpr): NumberExpr {
  switch (op) {
    case 'neg':
      return b.constant(-1);
    case 'abs':
      return signOf(a);
    case 'exp':
      return whole;
    case 'log':
      return b.div(1, a);
    case 'log1p':
      return b.div(1, b.add(1, a));
    case 'sqrt':
      return b.div(0.5, whole);
    case 'logisticTail':
      return b.neg(b.mul(signOf(a), b.mul(whole, b.sub(1, whole))));
    case 'softplusTail':
      return b.neg(b.mul(signOf(a), b.logisticTail(a)));
  }
}

function binaryDerivative(
  op: BinaryOp,
  left: NumberExpr,
  right: NumberExpr,
  whole: NumberExpr,
  dLeft: NumberExpr,
  dRight: NumberExpr,
): NumberExpr {
  if (isZero(dLeft) && isZero(dRight)) return dLeft;
  const scaled = (factor: NumberExpr, d: NumberExpr): NumberExpr => (isZero(d) ? d : b.mul(factor, d));
  switch (op) {
    case 'add':
      return b.add(dLeft, dRight);
    case 'sub':
      return b.sub(dLeft, dRight);
    case 'mul':
      return b.add(scaled(right, dLeft), scaled(left, dRight));
    case 'div':
      return isZero(dRight) ? b.div(dLeft, right) : b.div(b.sub(dLeft, scaled(whole, dRight)), right);
    case 'min':
      return b.select(b.le(left, right), dLeft, dRight);
    case 'max':
      return b.select(b.le(right, left), dLeft, dRight);
    case 'pow': {
      const byBase = isZero(dLeft) ? dLeft : b.mul(b.mul(right, b.pow(left, b.sub(right, 1))), dLeft);
      const byPower = isZero(dRight) ? dRight : b.mul(b.mulOrZero(whole, b.log(left)), dRight);
      return b.add(byBase, byPower);
    }
  }
}

/** A gradient and the reductions, beyond the program's own, that it needs. */
export interface Derived {
  readonly gradient: NumberExpr;
  readonly reductions: readonly Reduction[];
}

/**
 * Gradient of a program's value with respect to one element of an operand: the direct part, and for each reduction r
 * its adjoint (d value / d r, through later reductions too) times d (of r) / d element. A `max` passes its adjoint to
 * every element that attains it, which is exact where the maximum is unique, and wherever the value does not depend
 * on it (a shift that keeps exponentials in range).
 */
export function deriveGradient(program: Program, name: string): Derived {
  const extra: Reduction[] = [];
  const adjoints = new Map<string, NumberExpr>();
  const variable = { op: 'operand', name } as const;
  let gradient = differentiate(program.value, variable);
  for (const reduction of program.reductions.toReversed()) {
    let adjoint = differentiate(program.value, { op: 'reduction', name: reduction.name });
    for (const later of program.reductions) {
      const through = adjoints.get(later.name);
      if (through === undefined || isZero(through)) continue;
      const local = elementDerivative(later, { op: 'reduction', name: reduction.name });
      if (isZero(local)) continue;
      const summed: Reduction = { name: `d${later.name}/d${reduction.name}`, op: 'sum', of: local };
      extra.push(summed);
      adjoint = b.add(adjoint, b.mul(through, b.reduction(summed.name)));
    }
    adjoints.set(reduction.name, adjoint);
    const local = elementDerivative(reduction, variable);
    if (!isZero(local) && !isZero(adjoint)) gradient = b.add(gradient, b.mul(adjoint, local));
  }
  return { gradient, reductions: extra };
}

function elementDerivative(reduction: Reduction, variable: Variable): NumberExpr {
  const local = differentiate(reduction.of, variable);
  if (reduction.op === 'sum' || isZero(local)) return local;
  return b.select(b.eq(reduction.of, b.reduction(reduction.name)), local, 0);
}

/** The program with a gradient for each name in `wanted`: its own where written by hand, else derived. */
export function completeGradients(program: Program, wanted: readonly string[]): Program {
  const gradients: Record<string, NumberExpr> = {};
  let reductions = program.reductions;
  for (const name of wanted) {
    const written = program.gradients?.[name];
    if (written !== undefined) {
      gradients[name] = written;
      continue;
    }
    const derived = deriveGradient(program, name);
    gradients[name] = derived.gradient;
    const present = new Set(reductions.map((r) => r.name));
    reductions = [...reductions, ...derived.reductions.filter((r) => !present.has(r.name))];
  }
  return { ...program, reductions, gradients: gradients satisfies Gradients };
}
