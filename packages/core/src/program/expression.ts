/**
 * The expression language in which losses are written. An expression is a value without side effects over the
 * operands of one element (or row), the position along the reduced axis, the row's reductions and constants. Every
 * backend renders the same few operations; their exact meaning is given here and nowhere else.
 *
 * Numbers follow IEEE 754: NaN propagates through arithmetic, `min`, `max` and `pow`; comparisons with NaN are false.
 */

/** One number in, one number out. */
export type UnaryOp =
  /** -a */
  | 'neg'
  /** |a| */
  | 'abs'
  | 'exp'
  /** Natural logarithm; log 0 = -Infinity, NaN below 0. */
  | 'log'
  /** log(1 + a) without losing the digits of a small a. */
  | 'log1p'
  | 'sqrt'
  /** sigma(-|a|) = e / (1 + e) with e = exp(-|a|): in (0, 0.5]. */
  | 'logisticTail'
  /** log1p(exp(-|a|)): in (0, log 2]. A backend computes it and `logisticTail` from one exponential. */
  | 'softplusTail';

/** Two numbers in, one number out. `min` and `max` give NaN when either side is NaN. */
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'min' | 'max' | 'pow';

/** Two numbers in, a truth value out; false when either side is NaN. */
export type CompareOp = 'lt' | 'le' | 'eq';

/** Names of what a loss reads. `logits` or `probabilities` is the prediction. */
export type OperandName = 'logits' | 'probabilities' | 'targets' | 'weights' | 'mask' | (string & {});

/** A number-valued expression. Immutable; build it with the functions of `build.ts`. */
export type NumberExpr =
  | { readonly op: 'constant'; readonly value: number }
  /**
   * An operand as stored: floats as they are, uint8 as 0..255 (a program divides by 255 itself), int32 labels as numbers.
   */
  | { readonly op: 'operand'; readonly name: OperandName }
  /** A number given at each run. */
  | { readonly op: 'parameter'; readonly name: 'scale' }
  /** 0 .. extent-1 along the reduced axis. */
  | { readonly op: 'position' }
  /** Length of the reduced axis; a constant once a plan is made. */
  | { readonly op: 'extent' }
  /** The value of a reduction of this row. */
  | { readonly op: 'reduction'; readonly name: string }
  | { readonly op: UnaryOp; readonly a: NumberExpr }
  | { readonly op: BinaryOp; readonly a: NumberExpr; readonly b: NumberExpr }
  /** `a` where the condition holds, else `b`; what is not chosen has no influence, NaN included. */
  | { readonly op: 'select'; readonly condition: TruthExpr; readonly a: NumberExpr; readonly b: NumberExpr };

/** A truth-valued expression. */
export type TruthExpr =
  | { readonly op: 'truth'; readonly value: boolean }
  | { readonly op: CompareOp; readonly a: NumberExpr; readonly b: NumberExpr }
  | { readonly op: 'isNaN'; readonly a: NumberExpr }
  | { readonly op: 'and' | 'or'; readonly a: TruthExpr; readonly b: TruthExpr }
  | { readonly op: 'not'; readonly a: TruthExpr };

/** Any expression. */
export type Expr = NumberExpr | TruthExpr;

/** Every operation name, leaves included. */
export type Op = Expr['op'];

const unary: ReadonlySet<string> = new Set<UnaryOp>([
  'neg',
  'abs',
  'exp',
  'log',
  'log1p',
  'sqrt',
  'logisticTail',
  'softplusTail',
]);
const binary: ReadonlySet<string> = new Set<BinaryOp>(['add', 'sub', 'mul', 'div', 'min', 'max', 'pow']);
const compare: ReadonlySet<string> = new Set<CompareOp>(['lt', 'le', 'eq']);

/** Whether the operation takes one number and gives a number. */
export const isUnary = (e: Expr): e is Extract<NumberExpr, { op: UnaryOp }> => unary.has(e.op);
/** Whether the operation takes two numbers and gives a number. */
export const isBinary = (e: Expr): e is Extract<NumberExpr, { op: BinaryOp }> => binary.has(e.op);
/** Whether the operation compares two numbers. */
export const isCompare = (e: Expr): e is Extract<TruthExpr, { op: CompareOp }> => compare.has(e.op);

/** Whether the expression's value is a truth value (else it is a number). */
export function isTruth(e: Expr): e is TruthExpr {
  return (
    isCompare(e) || e.op === 'truth' || e.op === 'isNaN' || e.op === 'and' || e.op === 'or' || e.op === 'not'
  );
}

/** Whether the expression has no operands of its own. */
export function isLeaf(e: Expr): boolean {
  return childrenOf(e).length === 0;
}

/** The direct operands of an expression, in order. */
export function childrenOf(e: Expr): readonly Expr[] {
  switch (e.op) {
    case 'constant':
    case 'truth':
    case 'operand':
    case 'parameter':
    case 'position':
    case 'extent':
    case 'reduction':
      return [];
    case 'select':
      return [e.condition, e.a, e.b];
    default:
      return 'b' in e ? [e.a, e.b] : [e.a];
  }
}

/** Calls `visit` once for each distinct node, operands before what uses them. */
export function walk(roots: readonly Expr[], visit: (e: Expr) => void): void {
  const seen = new Set<Expr>();
  const enter = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    for (const child of childrenOf(e)) enter(child);
    visit(e);
  };
  for (const root of roots) enter(root);
}

/** An expression as text, for messages and tests: `add(mul(logits, 2), 1)`. */
export function format(e: Expr): string {
  switch (e.op) {
    case 'constant':
    case 'truth':
      return Object.is(e.value, -0) ? '-0' : String(e.value);
    case 'operand':
    case 'parameter':
      return e.name;
    case 'reduction':
      return `$${e.name}`;
    case 'position':
    case 'extent':
      return e.op;
    default:
      return `${e.op}(${childrenOf(e).map(format).join(', ')})`;
  }
}
