import { describe, expect, it } from 'vitest';
import * as core from '../index.js';
import { definitionOf } from './loss.js';

describe('losses are immutable descriptions', () => {
  it('hold a kind and every option, defaults filled in', () => {
    const loss = core.sigmoidCrossEntropy({ posWeight: 2 });
    expect(JSON.parse(JSON.stringify(loss))).toEqual({
      kind: 'sigmoidCrossEntropy',
      options: { reduction: 'mean', validate: 'off', posWeight: 2, labelSmoothing: 0, floor: 'none' },
    });
    expect(Object.isFrozen(loss)).toBe(true);
    expect(Object.isFrozen(loss.options)).toBe(true);
  });

  it('do not change when the options that made them do', () => {
    const classWeights = [1, 2, 3];
    const loss = core.softmaxCrossEntropy({ classWeights });
    classWeights[0] = 100;
    expect(loss.options['classWeights']).toEqual([1, 2, 3]);
  });

  it.each(core.builtInLosses.map((factory) => [factory.definition.kind, factory] as const))(
    'come back from their text: %s',
    (_, factory) => {
      const loss = (factory as unknown as (options: object) => core.Loss)({
        reduction: 'sum',
        ignoreValue: NaN,
      });
      const back = core.parseLoss(core.serialiseLoss(loss));
      expect(back).toEqual(loss);
      expect(back[definitionOf]).toBe(loss[definitionOf]);
    },
  );

  it('of third parties come back when their kind is given', () => {
    const mine = core.defineLoss<{ delta: number }>({
      kind: 'acme/scaled',
      defaults: { delta: 1 },
      program: ({ prediction }, { delta }) => ({
        reductions: [],
        value: { op: 'mul', a: prediction, b: { op: 'constant', value: delta } },
      }),
    });
    const text = core.serialiseLoss(mine({ delta: 3 }));
    expect(() => core.parseLoss(text)).toThrow(/acme\/scaled/);
    expect(core.parseLoss(text, [mine]).options['delta']).toBe(3);
  });
});

describe('options out of range are refused by name', () => {
  const make = core as unknown as Record<string, (options: unknown) => core.Loss>;
  it.each([
    [
      'sigmoidCrossEntropy',
      { posWeigth: 2 },
      /posWeigth: found an unknown option, expected one of posWeight/,
    ],
    ['sigmoidCrossEntropy', { posWeight: 0 }, /posWeight: found 0, expected a number > 0/],
    ['sigmoidCrossEntropy', { posWeight: '2' }, /posWeight: found '2'/],
    ['sigmoidCrossEntropy', { labelSmoothing: 1.5 }, /labelSmoothing/],
    ['sigmoidCrossEntropy', { floor: 'kl' }, /floor: found 'kl', expected one of none, entropy/],
    ['sigmoidCrossEntropy', { reduction: 'average' }, /reduction: found 'average'/],
    ['sigmoidCrossEntropy', { validate: true }, /validate: found true/],
    ['sigmoidCrossEntropy', { ignoreValue: '255' }, /ignoreValue/],
    ['sigmoidCrossEntropy', 'mean', /options object/],
    ['softmaxCrossEntropy', { axis: 0.5 }, /axis/],
    ['softmaxCrossEntropy', { temperature: 0 }, /temperature/],
    ['softmaxCrossEntropy', { temperature: Infinity }, /temperature/],
    ['softmaxCrossEntropy', { classWeights: [1, -1] }, /classWeights: found \[1, -1\]/],
    ['softmaxCrossEntropy', { classWeights: [] }, /classWeights/],
    ['binaryCrossEntropy', { epsilon: 0.5 }, /epsilon/],
    ['categoricalCrossEntropy', { epsilon: -1 }, /epsilon/],
    ['qualityFocal', { beta: 0.5 }, /beta: found 0.5, expected 0 or a number >= 1/],
    ['diceSemimetric', { from: 'scores' }, /from/],
    ['dice', { smooth: -1 }, /smooth/],
    ['dice', { axes: [] }, /axes/],
    ['tversky', { alpha: NaN }, /alpha: found NaN/],
  ])('%s %o', (kind, options, message) => {
    const attempt = (): unknown => make[kind]?.(options);
    expect(attempt).toThrow(core.OptionError);
    expect(attempt).toThrow(message);
  });

  it.each([
    ['no JSON', 'JSON of a loss'],
    ['{"kind":"unheard"}', 'sigmoidCrossEntropy'],
    ['null', 'one of'],
    ['{"kind":"dice","options":{"smooth":-1}}', 'smooth'],
  ])('text that is no loss: %s', (text, message) => {
    expect(() => core.parseLoss(text)).toThrow(message);
  });
});
