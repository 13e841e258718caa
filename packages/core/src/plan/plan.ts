/** A loss bound to shapes, dtypes, broadcasts and wanted outputs: what a backend compiles. */
import { OptionError, ShapeError } from '../errors.js';
import { definitionOf, type Loss, type LossDefinition, type OperandSpecs } from '../losses/loss.js';
import { completeGradients } from '../program/differentiate.js';
import { formatShape } from '../tensor.js';
import { assemble, assembleCounting, contextOf, divisorOf, type Given } from './assemble.js';
import { shapesOf } from './layout.js';
import { checkGradientName, checkNames, planOperands, predictionSpec } from './operands.js';
import type { BoundPlan, Wanted } from './types.js';

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
