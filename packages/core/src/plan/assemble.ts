/** Puts masks, weights, ignored targets, the gradients' factor and counts around a program, then simplifies and schedules. */
import { OptionError } from '../errors.js';
import type { Loss, LossDefinition, OperandSpecs, ProgramContext } from '../losses/loss.js';
import * as b from '../program/build.js';
import { Canonical } from '../program/canonical.js';
import { walk, type Expr, type NumberExpr, type TruthExpr } from '../program/expression.js';
import type { Program, Reduction } from '../program/program.js';
import { schedule } from '../program/schedule.js';
import { sizeOf, type DType, type TensorSpec } from '../tensor.js';
import type { Shapes } from './layout.js';
import type { OperandPlan } from './operands.js';
import type { Divisor, OutputPlan, Plan, TotalPlan } from './types.js';
import { invalidCount, storedValue } from './validity.js';

/** A loss with everything that was found out about its operands. */
export interface Given {
  readonly loss: Loss;
  readonly definition: LossDefinition;
  readonly prediction: 'logits' | 'probabilities';
  readonly specs: OperandSpecs;
  readonly shapes: Shapes;
  readonly operands: readonly OperandPlan[];
  readonly constants: Readonly<Record<string, readonly number[]>>;
}

export function contextOf({ prediction, specs, constants, loss }: Given): ProgramContext {
  const stored = b.operand('targets');
  const dtype = specs['targets']?.dtype;
  const labels = dtype === 'int32';
  const isLabel = b.eq(b.position, stored);
  const forms = {
    int32: [b.select(isLabel, 1, 0), b.select(isLabel, 0, 1)],
    uint8: [b.div(stored, 255), b.div(b.sub(255, stored), 255)],
    float: [stored, b.sub(1, stored)],
  } as const;
  const [target, complement] = forms[labels ? 'int32' : dtype === 'uint8' ? 'uint8' : 'float'];
  return {
    prediction: b.operand(prediction),
    target,
    complement,
    labels,
    labelInRange: labels ? b.and(b.le(0, stored), b.lt(stored, b.extent)) : b.truth(true),
    constant(name) {
      if (!(name in constants)) {
        throw new OptionError({
          subject: `${loss.kind} constant ${name}`,
          found: 'none',
          expected: 'a list of numbers',
        });
      }
      return b.operand(name);
    },
  };
}

/** Whether elements and rows count: the mask and ignored targets as one condition at each level. */
interface Kept {
  /** For regions: whether the element takes part in the sums. */
  readonly element: TruthExpr;
  /** Whether the row counts. */
  readonly row: TruthExpr;
  /** Reductions that `row` reads. */
  readonly reductions: readonly Reduction[];
}

const always = b.truth(true);

function keptOf({ definition, loss, specs, shapes }: Given): Kept {
  const unmasked = specs['mask'] === undefined ? always : b.not(b.eq(b.operand('mask'), 0));
  const counts = b.not(ignoredTarget(loss, specs['targets']?.dtype));
  if (definition.granularity === 'element')
    return { element: always, row: b.and(unmasked, counts), reductions: [] };
  if (definition.granularity === 'class') {
    if (counts.op === 'truth' || specs['targets']?.dtype === 'int32') {
      return { element: always, row: b.and(unmasked, counts), reductions: [] };
    }
    // A row of soft targets is ignored where every one of them is.
    const some = { name: 'counted', op: 'sum', of: b.select(counts, 1, 0) } as const;
    return { element: always, row: b.and(unmasked, b.lt(0, b.reduction('counted'))), reductions: [some] };
  }
  const element = b.and(unmasked, counts);
  if (shapes.layout.extent === 0) return { element, row: b.truth(false), reductions: [] };
  if (element.op === 'truth') return { element, row: element, reductions: [] };
  const some = { name: 'counted', op: 'sum', of: b.select(element, 1, 0) } as const;
  return { element, row: b.lt(0, b.reduction('counted')), reductions: [some] };
}

/** Whether the stored target equals `ignoreValue` exactly; the value is rounded to the dtype that it is compared with. */
function ignoredTarget(loss: Loss, dtype: DType | undefined): TruthExpr {
  const value = loss.options.ignoreValue;
  if (value === undefined) return b.truth(false);
  if (Number.isNaN(value)) return b.isNaN(b.operand('targets'));
  return b.eq(b.operand('targets'), storedValue(value, dtype));
}

export function divisorOf({ loss, specs, shapes, definition }: Given): Divisor {
  const rows = sizeOf(shapes.row);
  switch (loss.options.reduction) {
    case 'none':
    case 'sum':
      return { kind: 'static', value: 1 };
    case 'mean':
      return { kind: 'static', value: rows };
    case 'mean-batch':
      return { kind: 'static', value: shapes.element[0] ?? 1 };
    case 'mean-weight':
      if (specs['weights'] !== undefined) return { kind: 'total', name: 'weight' };
      break;
    case 'mean-valid':
      break;
  }
  const some = specs['mask'] !== undefined || loss.options.ignoreValue !== undefined;
  if (some) return { kind: 'total', name: 'valid' };
  const empty = definition.granularity === 'region' && shapes.layout.extent === 0;
  return { kind: 'static', value: empty ? 0 : rows };
}

/** `weight * value`, and exactly 0 where the weight is 0 or the row does not count. */
function weightedValue(given: Given, kept: Kept, value: NumberExpr): NumberExpr {
  const weight = given.specs['weights'] === undefined ? b.constant(1) : b.operand('weights');
  return b.select(kept.row, b.mulOrZero(weight, value), 0);
}

export function assemble(
  given: Given,
  program: Program,
  key: string,
  precision: 'float32' | 'float64',
  divisor: Divisor,
  gradients: readonly string[],
): Plan {
  const { loss, definition, specs, shapes } = given;
  const kept = keptOf(given);
  const reductions: Reduction[] = [
    ...kept.reductions,
    ...program.reductions.map((r) => maskedReduction(r, kept)),
  ];
  const outputs: OutputPlan[] = [];
  const totals: TotalPlan[] = [];

  const value = weightedValue(given, kept, program.value);
  if (loss.options.reduction === 'none') {
    outputs.push({ name: 'value', level: 'row', of: value, dtype: precision, shape: shapes.row });
  } else {
    totals.push({ name: 'loss', of: value });
    if (divisor.kind === 'total') totals.push(countTotal(kept, divisor.name));
  }
  for (const name of gradients) {
    const spec = specs[name] as TensorSpec;
    const level = definition.granularity === 'element' ? 'row' : 'element';
    const gradient = program.gradients?.[name] ?? b.constant(0);
    outputs.push({
      name: `gradient:${name}`,
      level,
      of: scaledGradient(given, kept, gradient),
      dtype: spec.dtype,
      shape: spec.shape,
    });
  }
  if (loss.options.validate !== 'off') {
    const invalid = invalidCount(definition, specs, kept.element);
    reductions.push(...invalid.reductions);
    totals.push({ name: 'invalid', of: b.select(kept.row, invalid.count, 0) });
  }
  return finish(given, key, precision, reductions, outputs, totals);
}

/** Gradient times (scale times weight), and exactly 0 where the weight is 0 or the element does not count. */
function scaledGradient(given: Given, kept: Kept, gradient: NumberExpr): NumberExpr {
  const scale = b.parameter('scale');
  const counts = b.and(kept.row, kept.element);
  if (given.specs['weights'] === undefined) return b.select(counts, b.mul(scale, gradient), 0);
  const weight = b.operand('weights');
  return b.select(counts, b.select(b.eq(weight, 0), 0, b.mul(b.mul(scale, weight), gradient)), 0);
}

function maskedReduction(reduction: Reduction, kept: Kept): Reduction {
  return { ...reduction, of: b.select(kept.element, reduction.of, reduction.op === 'sum' ? 0 : -Infinity) };
}

function countTotal(kept: Kept, name: 'valid' | 'weight'): TotalPlan {
  const one = name === 'valid' ? b.constant(1) : b.operand('weights');
  return { name, of: b.select(kept.row, one, 0) };
}

export function assembleCounting(
  given: Given,
  key: string,
  precision: 'float32' | 'float64',
  name: 'valid' | 'weight',
): Plan {
  const kept = keptOf(given);
  return finish(given, key, precision, [...kept.reductions], [], [countTotal(kept, name)]);
}

/** Simplifies and shares all expressions, drops what nothing reads, and schedules the rest. */
function finish(
  given: Given,
  key: string,
  precision: 'float32' | 'float64',
  allReductions: readonly Reduction[],
  allOutputs: readonly OutputPlan[],
  allTotals: readonly TotalPlan[],
): Plan {
  const canonical = new Canonical({ extent: given.shapes.layout.extent });
  const share = <T extends { readonly of: NumberExpr }>(item: T): T => ({
    ...item,
    of: canonical.number(item.of),
  });
  const outputs = allOutputs.map(share);
  const totals = allTotals.map(share);
  const reductions = readReductions(allReductions.map(share), [...outputs, ...totals]);
  const read = new Set<string>();
  walk(
    [...reductions, ...outputs, ...totals].map((item) => item.of),
    (e: Expr) => {
      if (e.op === 'operand') read.add(e.name);
    },
  );
  const operands = given.operands.filter((operand) => read.has(operand.name));
  const constants = Object.fromEntries(Object.entries(given.constants).filter(([name]) => read.has(name)));
  const parts = { operands, reductions, outputs, totals };
  return {
    key,
    loss: given.loss,
    layout: given.shapes.layout,
    precision,
    constants,
    ...parts,
    stages: schedule(parts),
  };
}

/** The reductions that outputs and totals read, directly or through others, in their order. */
function readReductions(
  reductions: readonly Reduction[],
  users: readonly { readonly of: NumberExpr }[],
): Reduction[] {
  const needed = new Set<string>();
  const need = (e: NumberExpr): void => {
    walk([e], (node) => {
      if (node.op === 'reduction') needed.add(node.name);
    });
  };
  for (const user of users) need(user.of);
  for (const reduction of reductions.toReversed()) if (needed.has(reduction.name)) need(reduction.of);
  return reductions.filter((reduction) => needed.has(reduction.name));
}
