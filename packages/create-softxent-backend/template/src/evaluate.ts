/** The meaning of every operation, one expression at a time. A faster backend renders expressions to code instead. */
import {
  foldBinary,
  foldCompare,
  foldUnary,
  isBinary,
  isCompare,
  isUnary,
  type NumberExpr,
  type TruthExpr,
} from '@softxent/core/program';

/** Where an expression is evaluated. */
export interface Place {
  readonly row: number;
  readonly element: number;
  readonly position: number;
  readonly reductions: Readonly<Record<string, number>>;
  readonly scale: number;
  read(name: string, row: number, element: number): number;
}

/** The number that an expression stands for at a place. */
export function evaluate(e: NumberExpr, at: Place): number {
  if (isUnary(e)) return foldUnary(e.op, evaluate(e.a, at));
  if (isBinary(e)) return foldBinary(e.op, evaluate(e.a, at), evaluate(e.b, at));
  switch (e.op) {
    case 'constant':
      return e.value;
    case 'operand':
      return at.read(e.name, at.row, at.element);
    case 'parameter':
      return at.scale;
    case 'position':
      return at.position;
    case 'reduction':
      return at.reductions[e.name] ?? NaN;
    case 'select':
      return holds(e.condition, at) ? evaluate(e.a, at) : evaluate(e.b, at);
    case 'extent':
      throw new Error('a plan has no extent left: it is a constant');
  }
}

function holds(e: TruthExpr, at: Place): boolean {
  if (isCompare(e)) return foldCompare(e.op, evaluate(e.a, at), evaluate(e.b, at));
  switch (e.op) {
    case 'truth':
      return e.value;
    case 'isNaN':
      return Number.isNaN(evaluate(e.a, at));
    case 'not':
      return !holds(e.a, at);
    case 'and':
      return holds(e.a, at) && holds(e.b, at);
    case 'or':
      return holds(e.a, at) || holds(e.b, at);
  }
}
