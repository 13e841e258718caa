/** Which operands a call gives, and whether their dtypes and shapes fit the loss. */
import { DTypeError, OperandError, ShapeError } from '../errors.js';
import type { LossDefinition, OperandSpecs } from '../losses/loss.js';
import { checkSpec, formatShape, isFloat, type DType, type TensorSpec } from '../tensor.js';
import { broadcast, type Access } from './access.js';
import type { Shapes } from './layout.js';

/** How a plan reads one operand. */
export interface OperandPlan {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Whether `access` starts from the row's or the element's linear index. */
  readonly level: 'row' | 'element';
  readonly access: Access;
}

const floats: readonly DType[] = ['float64', 'float32', 'float16'];

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function requireDType(subject: string, { dtype }: TensorSpec, allowed: readonly DType[], hint = ''): void {
  if (allowed.includes(dtype)) return;
  throw new DTypeError({ subject, found: `dtype ${dtype}`, expected: `${allowed.join(', ')}${hint}` });
}

/** Checks names: every operand that the loss needs is there, and none that it does not know. */
export function checkNames(definition: LossDefinition, prediction: string, specs: OperandSpecs): void {
  const known = [prediction, 'targets', 'weights', 'mask'];
  for (const [name, spec] of Object.entries(specs)) {
    if (known.includes(name)) {
      if (spec !== undefined) checkSpec(name, spec);
      continue;
    }
    const other = name === 'logits' || name === 'probabilities';
    throw new OperandError({
      subject: name,
      found: other ? `the operand ${name}` : 'an unknown operand',
      expected: other
        ? `${prediction}, which is what ${definition.kind} reads`
        : `one of ${known.join(', ')}`,
    });
  }
  for (const name of [prediction, 'targets']) {
    if (specs[name] === undefined) {
      throw new OperandError({
        subject: name,
        found: 'no such operand',
        expected: `${name} for ${definition.kind}`,
      });
    }
  }
}

/** The prediction's spec; a float. */
export function predictionSpec(name: string, specs: OperandSpecs): TensorSpec {
  const spec = specs[name] as TensorSpec;
  requireDType(name, spec, floats);
  return spec;
}

/** How every operand is read, in the order prediction, targets, weights, mask. */
export function planOperands(
  definition: LossDefinition,
  prediction: string,
  specs: OperandSpecs,
  shapes: Shapes,
): OperandPlan[] {
  const { granularity } = definition;
  const elementLevel = granularity === 'element' ? 'row' : 'element';
  const dense: Access = { kind: 'dense' };
  const plans: OperandPlan[] = [];
  const put = (name: string, spec: TensorSpec, level: 'row' | 'element', access: Access): void => {
    plans.push({ name, dtype: spec.dtype, shape: [...spec.shape], level, access });
  };

  put(prediction, predictionSpec(prediction, specs), elementLevel, dense);

  const targets = specs['targets'] as TensorSpec;
  requireDType('targets', targets, definition.targets);
  if (targets.dtype === 'int32') {
    requireShape('targets', targets.shape, [shapes.row, shapes.keptRow], 'class labels, one a row');
    put('targets', targets, 'row', dense);
  } else {
    requireShape('targets', targets.shape, [shapes.element], `the shape of ${prediction}`);
    put('targets', targets, elementLevel, dense);
  }

  const perRow = granularity === 'class' || granularity === 'region';
  const weights = specs['weights'];
  if (weights !== undefined) {
    requireDType('weights', weights, floats);
    put(
      'weights',
      weights,
      'row',
      perRow
        ? rowAccess('weights', weights.shape, shapes)
        : broadcast('weights', weights.shape, shapes.element),
    );
  }
  const mask = specs['mask'];
  if (mask !== undefined) {
    requireDType('mask', mask, ['uint8'], ' (0: masked, anything else: counts)');
    if (granularity === 'class') put('mask', mask, 'row', rowAccess('mask', mask.shape, shapes));
    else put('mask', mask, elementLevel, broadcast('mask', mask.shape, shapes.element));
  }
  return plans;
}

function requireShape(
  subject: string,
  found: readonly number[],
  allowed: readonly (readonly number[])[],
  why: string,
): void {
  if (allowed.some((shape) => sameShape(shape, found))) return;
  const distinct = [...new Set(allowed.map(formatShape))];
  throw new ShapeError({
    subject,
    found: `shape ${formatShape(found)}`,
    expected: `${distinct.join(' or ')} (${why})`,
  });
}

/** Rows are addressed by the shape without the reduced axes, or by the prediction's with length 1 there. */
function rowAccess(subject: string, shape: readonly number[], shapes: Shapes): Access {
  const keepsAxes = shape.length === shapes.keptRow.length && shapes.axes.every((axis) => shape[axis] === 1);
  return keepsAxes && shape.length > shapes.row.length
    ? broadcast(subject, shape, shapes.keptRow)
    : broadcast(subject, shape, shapes.row);
}

/** Whether gradients by this operand exist: the prediction always, targets where they are stored as floats. */
export function checkGradientName(name: string, prediction: string, specs: OperandSpecs): void {
  if (name === prediction) return;
  const targets = specs['targets'];
  if (name === 'targets' && targets !== undefined && isFloat(targets.dtype)) return;
  throw name === 'targets'
    ? new DTypeError({
        subject: 'gradient by targets',
        found: `targets of dtype ${String(targets?.dtype)}`,
        expected: 'targets stored as floats',
      })
    : new OperandError({
        subject: `gradient by ${name}`,
        found: 'an operand without gradients',
        expected: `${prediction} or targets`,
      });
}
