import type { DataOf } from '@softxent/core';
import { sumOf, type Plan } from '@softxent/core/plan';
import { walk } from '@softxent/core/program';
import { blockCount } from '../blocks.js';
import type { RowKernel } from '../kernel.js';
import { expTable, softplusTailTable } from '../tables.js';
import { renderKernel } from './loops.js';

/** Whether this realm may make functions from strings; a Content-Security-Policy without unsafe-eval forbids it. */
export function canGenerate(): boolean {
  try {
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- this is what is asked
    return new Function('return true')() as boolean;
  } catch {
    return false;
  }
}

/** Compiles a plan to a function made for it. */
export function generate(plan: Plan): RowKernel {
  const { body, parameters, uses } = renderKernel(plan);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- the body is made of a plan's operations and numbers, never of user text
  const kernel = new Function(...parameters, body) as (...args: unknown[]) => void;
  const partials = new Float64Array(blockCount(plan.layout) * plan.totals.length);
  const tails = uses.tails ? softplusTailTable() : undefined;
  const exps = uses.exp ? expTable() : undefined;
  const signed = plan.operands.map(({ name, dtype }) => dtype === 'float32' && isSelectedBySign(plan, name));
  return ({ operands, outputs, scale }) => {
    const bits = operands.map((data, i) => (signed[i] === true ? bitsOf(data) : undefined));
    kernel(...operands, ...bits, ...outputs, scale, partials, tails, exps);
    return plan.totals.map((_, i) => sumOf(partials, i, partials.length, plan.totals.length));
  };
}

function bitsOf(data: DataOf): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.length);
}

function isSelectedBySign(plan: Plan, name: string): boolean {
  let found = false;
  walk(
    [...plan.reductions, ...plan.outputs, ...plan.totals].map((item) => item.of),
    (e) => {
      if (e.op === 'le' && e.b.op === 'operand' && e.b.name === name) found = true;
    },
  );
  return found;
}
