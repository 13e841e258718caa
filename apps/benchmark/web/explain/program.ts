/** softxent's own program, one operation at a time, each rounded to float32: what its backends render, without their speed. */
import { f32, type Loss } from '@softxent/core';
import { makePlan } from '@softxent/core/plan';
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

/** Value and gradient of a loss on one element. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: number;
}

/** The loss's plan for one element, ready to be evaluated in float32. */
export function inFloat32(loss: Loss<'none'>): (logit: number, target: number) => Evaluated {
  const specs = { logits: f32([1]), targets: f32([1]) };
  const { plan } = makePlan(loss, specs, { gradients: ['logits'] });
  const output = (name: string): NumberExpr => {
    const found = plan.outputs.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`the plan of ${loss.kind} has no output ${name}`);
    return found.of;
  };
  const [value, gradient] = [output('value'), output('gradient:logits')];
  return (logit, target) => {
    const operands = { logits: Math.fround(logit), targets: Math.fround(target) };
    return { value: evaluate(value, operands), gradient: evaluate(gradient, operands) };
  };
}

type Values = Readonly<Record<string, number>>;

function evaluate(e: NumberExpr, values: Values): number {
  return Math.fround(exactly(e, values));
}

/** One operation on operands that are rounded already. */
function exactly(e: NumberExpr, values: Values): number {
  if (isUnary(e)) return foldUnary(e.op, evaluate(e.a, values));
  if (isBinary(e)) return foldBinary(e.op, evaluate(e.a, values), evaluate(e.b, values));
  switch (e.op) {
    case 'constant':
      return e.value;
    case 'operand':
      return values[e.name] ?? Number.NaN;
    case 'parameter':
      return 1;
    case 'select':
      return holds(e.condition, values) ? evaluate(e.a, values) : evaluate(e.b, values);
    case 'position':
    case 'extent':
    case 'reduction':
      throw new Error(`a loss over single elements has no ${e.op}`);
  }
}

function holds(e: TruthExpr, values: Values): boolean {
  if (isCompare(e)) return foldCompare(e.op, evaluate(e.a, values), evaluate(e.b, values));
  switch (e.op) {
    case 'truth':
      return e.value;
    case 'isNaN':
      return Number.isNaN(evaluate(e.a, values));
    case 'not':
      return !holds(e.a, values);
    case 'and':
      return holds(e.a, values) && holds(e.b, values);
    case 'or':
      return holds(e.a, values) || holds(e.b, values);
  }
}
