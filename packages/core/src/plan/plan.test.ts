import { describe, expect, it } from 'vitest';
import * as core from '../index.js';
import { makePlan, planKey } from './plan.js';

const { f32, f64, i32, u8, sigmoidCrossEntropy, softmaxCrossEntropy, diceSemimetric } = core;
const gradient = { gradients: ['logits'] };

describe('makePlan brings operands into canonical form', () => {
  it.each([
    [sigmoidCrossEntropy(), [2, 3, 4], { outer: 1, extent: 1, inner: 24 }],
    [softmaxCrossEntropy(), [2, 3, 4, 5], { outer: 2, extent: 3, inner: 20 }],
    [softmaxCrossEntropy({ axis: -1 }), [2, 3, 4], { outer: 6, extent: 4, inner: 1 }],
    [softmaxCrossEntropy({ axis: 0 }), [2, 3], { outer: 1, extent: 2, inner: 3 }],
    [softmaxCrossEntropy(), [7], { outer: 1, extent: 7, inner: 1 }],
    [diceSemimetric(), [2, 3, 4, 5], { outer: 6, extent: 20, inner: 1 }],
    [diceSemimetric({ axes: [1, 2] }), [2, 3, 4, 5], { outer: 2, extent: 12, inner: 5 }],
    [diceSemimetric({ axes: [-1, 0, 1] }), [2, 3, 4], { outer: 1, extent: 24, inner: 1 }],
  ] as const)('$0.kind of $1', (loss, shape, layout) => {
    const specs = { logits: f32([...shape]), targets: f32([...shape]) };
    expect(makePlan(loss, specs, gradient).plan.layout).toEqual(layout);
  });

  it('reads only what the expressions need', () => {
    const specs = { logits: f32([4]), targets: f32([4]), mask: u8([4]) };
    const { plan, counting } = makePlan(sigmoidCrossEntropy({ reduction: 'mean-valid' }), specs, gradient);
    expect(plan.operands.map((operand) => operand.name)).toEqual(['logits', 'targets', 'mask']);
    expect(counting?.operands.map((operand) => operand.name)).toEqual(['mask']);
  });

  it('knows the divisor beforehand wherever it does not depend on data', () => {
    const specs = { logits: f32([2, 3]), targets: f32([2, 3]) };
    const divisor = (reduction: core.Reduction): unknown =>
      makePlan(sigmoidCrossEntropy({ reduction }), specs, gradient).divisor;
    expect(divisor('mean')).toEqual({ kind: 'static', value: 6 });
    expect(divisor('mean-batch')).toEqual({ kind: 'static', value: 2 });
    expect(divisor('mean-valid')).toEqual({ kind: 'static', value: 6 });
    expect(divisor('sum')).toEqual({ kind: 'static', value: 1 });
  });

  it('gives equal keys to equal calls and different keys to different ones', () => {
    const specs = { logits: f32([2, 3]), targets: f32([2, 3]) };
    const key = planKey(sigmoidCrossEntropy(), specs, gradient);
    expect(planKey(sigmoidCrossEntropy({ posWeight: 1 }), { ...specs }, gradient)).toBe(key);
    expect(planKey(sigmoidCrossEntropy({ posWeight: 2 }), specs, gradient)).not.toBe(key);
    expect(planKey(sigmoidCrossEntropy({ ignoreValue: NaN }), specs, gradient)).not.toBe(key);
    expect(planKey(sigmoidCrossEntropy(), { ...specs, mask: u8([3]) }, gradient)).not.toBe(key);
    expect(planKey(sigmoidCrossEntropy(), specs, { gradients: [] })).not.toBe(key);
    const mine = (scale: number): core.Loss =>
      core.defineLoss({
        kind: 'same',
        program: ({ prediction }) => ({
          reductions: [],
          value: { op: 'mul', a: prediction, b: { op: 'constant', value: scale } },
        }),
      })();
    expect(planKey(mine(1), specs, gradient)).not.toBe(planKey(mine(2), specs, gradient));
  });
});

describe('makePlan refuses, naming the operand, what was found and what was expected', () => {
  const logits = f32([2, 3, 4]);
  const targets = f32([2, 3, 4]);
  const cases: readonly (readonly [
    string,
    core.Loss,
    core.OperandSpecs,
    readonly string[],
    new (...args: never[]) => Error,
    RegExp,
  ])[] = [
    [
      'missing targets',
      sigmoidCrossEntropy(),
      { logits },
      [],
      core.OperandError,
      /targets: found no such operand/,
    ],
    [
      'an unknown operand',
      sigmoidCrossEntropy(),
      { logits, targets, weight: f32([1]) },
      [],
      core.OperandError,
      /weight: found an unknown operand, expected one of logits, targets, weights, mask/,
    ],
    [
      'probabilities for logits',
      sigmoidCrossEntropy(),
      { probabilities: logits, targets },
      [],
      core.OperandError,
      /probabilities: .* logits/,
    ],
    [
      'targets of another shape',
      sigmoidCrossEntropy(),
      { logits, targets: f32([2, 3]) },
      [],
      core.ShapeError,
      /targets: found shape \[2, 3\], expected \[2, 3, 4\]/,
    ],
    [
      'integer logits',
      sigmoidCrossEntropy(),
      { logits: i32([2, 3, 4]), targets },
      [],
      core.DTypeError,
      /logits: found dtype int32/,
    ],
    [
      'labels for a sigmoid',
      sigmoidCrossEntropy(),
      { logits, targets: i32([2, 3, 4]) },
      [],
      core.DTypeError,
      /targets: found dtype int32/,
    ],
    [
      'labels with a class axis',
      softmaxCrossEntropy(),
      { logits, targets: i32([2, 3, 4]) },
      [],
      core.ShapeError,
      /\[2, 4\] or \[2, 1, 4\]/,
    ],
    [
      'weights that do not broadcast',
      sigmoidCrossEntropy(),
      { logits, targets, weights: f32([3]) },
      [],
      core.ShapeError,
      /weights: found shape \[3\]/,
    ],
    [
      'a mask that is no uint8',
      sigmoidCrossEntropy(),
      { logits, targets, mask: f32([4]) },
      [],
      core.DTypeError,
      /mask: found dtype float32, expected uint8/,
    ],
    [
      'integer weights',
      sigmoidCrossEntropy(),
      { logits, targets, weights: i32([4]) },
      [],
      core.DTypeError,
      /weights/,
    ],
    [
      'an axis that is not there',
      softmaxCrossEntropy({ axis: 3 }),
      { logits, targets },
      [],
      core.OptionError,
      /axis: found 3 for logits of shape \[2, 3, 4\], expected a whole number from -3 to 2/,
    ],
    [
      'a scalar without classes',
      softmaxCrossEntropy(),
      { logits: f32([]), targets: f32([]) },
      [],
      core.ShapeError,
      /at least one dimension/,
    ],
    [
      'class weights of the wrong number',
      softmaxCrossEntropy({ classWeights: [1, 2] }),
      { logits, targets },
      [],
      core.OptionError,
      /classWeights: found 2 numbers, expected 3/,
    ],
    [
      'axes that are not adjacent',
      diceSemimetric({ axes: [0, 2] }),
      { logits, targets },
      [],
      core.OptionError,
      /adjacent/,
    ],
    [
      'axes named twice',
      diceSemimetric({ axes: [1, -2] }),
      { logits, targets },
      [],
      core.OptionError,
      /distinct/,
    ],
    [
      'a class axis of length 0',
      softmaxCrossEntropy(),
      { logits: f32([2, 0]), targets: f32([2, 0]) },
      [],
      core.ShapeError,
      /logits: found shape \[2, 0\]/,
    ],
    [
      'a gradient by labels',
      softmaxCrossEntropy(),
      { logits, targets: i32([2, 4]) },
      ['targets'],
      core.DTypeError,
      /gradient by targets/,
    ],
    [
      'a gradient by a mask',
      sigmoidCrossEntropy(),
      { logits, targets, mask: u8([4]) },
      ['mask'],
      core.OperandError,
      /gradient by mask/,
    ],
    [
      'negative dimensions',
      sigmoidCrossEntropy(),
      { logits: f32([-1]), targets: f32([-1]) },
      [],
      core.ShapeError,
      /whole numbers >= 0/,
    ],
    [
      'an unknown dtype',
      sigmoidCrossEntropy(),
      { logits: { dtype: 'bfloat16' as core.DType, shape: [1] }, targets: f32([1]) },
      [],
      core.DTypeError,
      /bfloat16/,
    ],
  ];
  it.each(cases)('%s', (_, loss, specs, gradients, type, message) => {
    const attempt = (): unknown => makePlan(loss, specs, { gradients });
    expect(attempt).toThrow(type);
    expect(attempt).toThrow(message);
  });

  it('accepts float64 beside float32, and labels in both shapes', () => {
    expect(() =>
      makePlan(sigmoidCrossEntropy(), { logits, targets: f64([2, 3, 4]) }, gradient),
    ).not.toThrow();
    expect(() => makePlan(softmaxCrossEntropy(), { logits, targets: i32([2, 4]) }, gradient)).not.toThrow();
    expect(() =>
      makePlan(softmaxCrossEntropy(), { logits, targets: i32([2, 1, 4]) }, gradient),
    ).not.toThrow();
  });
});
