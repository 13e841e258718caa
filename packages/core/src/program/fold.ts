/** The value of each operation in float64: what the constructors fold constants with, and what closures compute. */
import type { BinaryOp, CompareOp, UnaryOp } from './expression.js';

/** Evaluates a one-operand operation. */
export function foldUnary(op: UnaryOp, a: number): number {
  switch (op) {
    case 'neg':
      return -a;
    case 'abs':
      return Math.abs(a);
    case 'exp':
      return Math.exp(a);
    case 'log':
      return Math.log(a);
    case 'log1p':
      return Math.log1p(a);
    case 'sqrt':
      return Math.sqrt(a);
    case 'logisticTail': {
      const e = Math.exp(-Math.abs(a));
      return e / (1 + e);
    }
    case 'softplusTail':
      return Math.log1p(Math.exp(-Math.abs(a)));
  }
}

/** Evaluates a two-operand operation. */
export function foldBinary(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return a / b;
    case 'min':
      return Math.min(a, b);
    case 'max':
      return Math.max(a, b);
    case 'pow':
      return a ** b;
  }
}

/** Evaluates a comparison. */
export function foldCompare(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'eq':
      return a === b;
  }
}
