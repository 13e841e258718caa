/** A loss bound to shapes, dtypes, broadcasts and wanted outputs: what a backend compiles. */
import { float16ToNumber, numberToFloat16 } from '../float16.js';
import {
  definitionOf,
  type Loss,
  type LossDefinition,
  type OperandSpecs,
  type ProgramContext,
} from '../losses/loss.js';
import * as b from '../program/build.js';
import { Canonical } from '../program/canonical.js';
import { completeGradients } from '../program/differentiate.js';
import { walk, type Expr, type NumberExpr, type TruthExpr } from '../program/expression.js';
import type { Program, Reduction } from '../program/program.js';
import { schedule, type ScheduledTotal, type Stage } from '../program/schedule.js';
import { OptionError, ShapeError } from '../errors.js';
import { formatShape, sizeOf, type DType, type TensorSpec } from '../tensor.js';
import { shapesOf, type Layout, type Shapes } from './layout.js';
import { checkGradientName, checkNames, planOperands, predictionSpec, type OperandPlan } from './operands.js';
import { invalidCount } from './validity.js';

/** A tensor that a kernel writes: the values (`value`) or a gradient (`gradient:logits`). */
export interface OutputPlan extends TensorSpec {
  readonly name: string;
  /** Whether there is one element for each row or for each element, at its linear index. */
  readonly level: 'row' | 'element';
  readonly of: NumberExpr;
}

/** A sum over all rows, which a kernel returns: `loss`, `valid`, `weight` or `invalid`. */
export type TotalPlan = ScheduledTotal;

/** What the sum of losses is divided by: a number known now, or one of a plan's totals. */
export type Divisor =
  | { readonly kind: 'static'; readonly value: number }
  | { readonly kind: 'total'; readonly name: 'valid' | 'weight' };

/**
 * Everything that a backend needs, in canonical form. All expressions are simplified and shared: equal subexpressions
 * are the same object. Masks, weights, ignored targets, the gradients' factor (`parameter scale`) and counts are part
 * of the expressions already.
 */
export interface Plan {
  /** Equal for plans that compute the same thing. */
  readonly key: string;
  /** For backends that know a loss and have a kernel of their own for it. */
  readonly loss: Loss;
  readonly layout: Layout;
  /** Dtype in which results are promised: of the prediction, float32 for float16. */
  readonly precision: 'float32' | 'float64';
  /** The operands that the expressions read. */
  readonly operands: readonly OperandPlan[];
  /** Operands that are part of the loss (class weights), as numbers along `extent`; they are among `operands` too. */
  readonly constants: Readonly<Record<string, readonly number[]>>;
  readonly reductions: readonly Reduction[];
  readonly outputs: readonly OutputPlan[];
  readonly totals: readonly TotalPlan[];
  /** The order in which to compute all this. */
  readonly stages: readonly Stage[];
}

/** What a call wants to know. */
export interface Wanted {
  /** Operands by which gradients are wanted. */
  readonly gradients: readonly string[];
}

/** A plan with what a session needs around it. */
export interface BoundPlan {
  readonly plan: Plan;
  readonly prediction: 'logits' | 'probabilities';
  readonly shapes: Shapes;
  readonly divisor: Divisor;
  /** Where gradients need a divisor that is not known yet: the plan whose totals give it. */
  readonly counting: Plan | undefined;
}

/** Numbers that tell loss definitions of the same kind apart in keys. */
const definitionIds = new WeakMap<LossDefinition, number>();
let nextDefinitionId = 0;

function definitionId(definition: LossDefinition): number {
  let id = definitionIds.get(definition);
  if (id === undefined) {
    id = nextDefinitionId++;
    definitionIds.set(definition, id);
  }
  return id;
}

/** A string that is equal for calls which need the same plan. */
export function planKey(loss: Loss, specs: OperandSpecs, wanted: Wanted): string {
  const operands = Object.entries(specs).map(
    ([name, spec]) => `${name}:${spec?.dtype}[${String(spec?.shape)}]`,
  );
  const options = JSON.stringify(loss.options, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return [
    loss.kind,
    definitionId(loss[definitionOf]),
    options,
    ...operands.toSorted(),
    '|',
    ...wanted.gradients,
  ].join(' ');
}

/**
 * Binds a loss to operands.
 *
 * @throws {OperandError} for operands that are missing or unknown
 * @throws {DTypeError} for a dtype that the loss cannot read there
 * @throws {ShapeError} for shapes that do not fit one another, or a class axis of length 0
 * @throws {OptionError} for options that do not fit the shapes (an axis, the number of class weights)
 */
export function makePlan(loss: Loss, specs: OperandSpecs, wanted: Wanted): BoundPlan {
  const definition = loss[definitionOf];
  const prediction = definition.prediction(loss.options);
  checkNames(definition, prediction, specs);
  for (const name of wanted.gradients) checkGradientName(name, prediction, specs);
  const spec = predictionSpec(prediction, specs);
  const shapes = shapesOf(
    prediction,
    loss.kind,
    spec.shape,
    definition.axes(loss.options, spec.shape.length),
  );
  if (definition.granularity === 'class' && shapes.layout.extent === 0) {
    throw new ShapeError({
      subject: prediction,
      found: `shape ${formatShape(spec.shape)}`,
      expected: `at least one class along axis ${String(shapes.axes[0])}`,
    });
  }
  const operands = planOperands(definition, prediction, specs, shapes);
  const precision = spec.dtype === 'float64' ? 'float64' : 'float32';
  const constants = definition.constants(loss.options);
  for (const [name, values] of Object.entries(constants)) {
    if (values.length !== shapes.layout.extent) {
      throw new OptionError({
        subject: `${loss.kind} option ${name}`,
        found: `${values.length} numbers`,
        expected: `${shapes.layout.extent}, one for each position along the class axis`,
      });
    }
    operands.push({
      name,
      dtype: precision,
      shape: [values.length],
      level: 'element',
      access: { kind: 'strided', terms: [{ divide: shapes.layout.inner, modulo: values.length, stride: 1 }] },
    });
  }

  const given: Given = { loss, definition, prediction, specs, shapes, operands, constants };
  const program = completeGradients(definition.program(contextOf(given), loss.options), wanted.gradients);
  const divisor = divisorOf(given);
  const key = planKey(loss, specs, wanted);
  const plan = assemble(given, program, key, precision, divisor, wanted.gradients);
  const needsCount = divisor.kind === 'total' && wanted.gradients.length > 0;
  return {
    plan,
    prediction,
    shapes,
    divisor,
    counting: needsCount ? assembleCounting(given, `${key} count`, precision, divisor.name) : undefined,
  };
}

interface Given {
  readonly loss: Loss;
  readonly definition: LossDefinition;
  readonly prediction: 'logits' | 'probabilities';
  readonly specs: OperandSpecs;
  readonly shapes: Shapes;
  readonly operands: readonly OperandPlan[];
  readonly constants: Readonly<Record<string, readonly number[]>>;
}

function contextOf({ prediction, specs, constants, loss }: Given): ProgramContext {
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
  const rounded =
    dtype === 'float32'
      ? Math.fround(value)
      : dtype === 'float16'
        ? float16ToNumber(numberToFloat16(value))
        : value;
  return b.eq(b.operand('targets'), rounded);
}

function divisorOf({ loss, specs, shapes, definition }: Given): Divisor {
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

function assemble(
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

function assembleCounting(
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
