import { readFileSync, readdirSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TextProblem } from '../errors.js';
import { CaffeTextError } from '../errors.js';
import type { Json } from '../schema/json.js';
import { toJson } from '../schema/json.js';
import { sourceOf } from '../schema/message.js';
import { parseText } from './parse.js';
import { printText } from './print.js';

const folder = new URL('../../fixtures/prototxt/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder));
const first = JSON.parse(read('expected.json').toString()) as {
  good: Record<string, Json>;
  bad: Record<string, { line: number; column: number; caffe: string }>;
};
const more = JSON.parse(read('expected-more.json').toString()) as {
  good: Record<string, { message: 'NetParameter' | 'SolverParameter'; json: Json; printed: string }>;
  bad: Record<string, { message: 'NetParameter' | 'SolverParameter'; errors: [number, number, string][] }>;
};

/** The fixtures give float32 values in short decimal form, and JSON has no -0. */
function rounded(json: Json): Json {
  if (typeof json === 'number') return Math.fround(json) + 0;
  if (Array.isArray(json)) return json.map((item: Json) => rounded(item));
  if (typeof json === 'object')
    return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, rounded(v)]));
  return json;
}

function problemsOf(run: () => unknown): CaffeTextError {
  try {
    run();
  } catch (error) {
    if (error instanceof CaffeTextError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

/** What is wrong with a text; nothing when it is accepted. */
function problemsIn(text: Uint8Array): readonly TextProblem[] {
  try {
    parseText('NetParameter', text);
    return [];
  } catch (error) {
    if (error instanceof CaffeTextError) return error.problems;
    throw error;
  }
}

const good = [
  ...Object.entries(first.good).map(([name, json]) => ({ name, message: 'NetParameter' as const, json })),
  ...Object.entries(more.good).map(([name, { message, json }]) => ({ name, message, json })),
];
const bad = [
  ...Object.entries(first.bad).map(([name, { line, column, caffe }]) => ({
    name,
    message: 'NetParameter' as const,
    errors: [[line, column, caffe]] as [number, number, string][],
  })),
  ...Object.entries(more.bad).map(([name, { message, errors }]) => ({ name, message, errors })),
];

describe('parseText', () => {
  test('every prototxt fixture is in a table', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.prototxt'));
    const named = [
      ...good.map(({ name }) => `good-${name}.prototxt`),
      ...bad.map(({ name }) => `bad-${name}.prototxt`),
    ];
    expect(files.toSorted()).toEqual(named.toSorted());
  });

  test.each(good)('$name parses to what C++ makes of it', ({ name, message, json }) => {
    expect(rounded(toJson(parseText(message, read(`good-${name}.prototxt`))))).toEqual(rounded(json));
  });

  test.each(bad)(
    '$name is refused at the lines and columns that C++ reports',
    ({ name, message, errors }) => {
      const file = `bad-${name}.prototxt`;
      const error = problemsOf(() => parseText(message, read(file), { file }));
      expect(error.problems.map(({ line, column }) => [line, column])).toEqual(
        errors.map(([line, column]) => [line, column]),
      );
      expect(error.message.startsWith(`${file}:${errors[0]?.[0]}:${errors[0]?.[1]}: `)).toBe(true);
    },
  );

  test.each(bad)('$name: the message names what C++ names', ({ name, message, errors }) => {
    const { problems } = problemsOf(() => parseText(message, read(`bad-${name}.prototxt`)));
    const unnamed = errors.flatMap(([, , caffe], index) =>
      [...caffe.matchAll(/"([a-zA-Z_.]+)"/g)]
        .map(([, named = '']) => named)
        .filter((named) => named !== 'e' && problems[index]?.message.includes(named) !== true),
    );
    expect(unnamed).toEqual([]);
  });

  test('a misspelt field is answered with the one that was meant, and with all that are known', () => {
    const { message } = problemsOf(() =>
      parseText('NetParameter', 'layer {\n  nmae: "a"\n}', { file: 'net.prototxt' }),
    );
    expect(message).toContain('did you mean name?');
    expect(message).toContain('bottom, top');
    expect(message).toContain('\n    nmae: "a"\n        ^');
  });

  test.each([
    ['layer { kernel_size: 3 }', 'it belongs inside convolution_param { }'],
    ['base_lr: 1', 'it is a field of SolverParameter'],
    ['layer { reluParam { } }', 'did you mean relu_param?'],
    ['state { phase: train }', 'did you mean TRAIN?'],
    ['layer { pooling_param { pool: MEDIAN } }', '(values: MAX, AVE, STOCHASTIC)'],
  ])('%s: the message says %s', (text, hint) => {
    expect(problemsOf(() => parseText('NetParameter', text)).message).toContain(hint);
  });

  // Judged by protobuf 3.21's C++ parser, as are the fixtures.
  test.each([
    ['layer { loss_weight: 1loss_weight: 2 }', [[1, 23]]],
    [
      'input_dim: [1, 30x10]',
      [
        [1, 18],
        [1, 18],
      ],
    ],
    [
      'layer { name: "a" loss_weight: 1.5fx }',
      [
        [1, 36],
        [1, 38],
      ],
    ],
    [
      'debug_info: t.5',
      [
        [1, 14],
        [1, 14],
      ],
    ],
  ])('%s: a space is missing', (text, places) => {
    const { problems } = problemsOf(() => parseText('NetParameter', text));
    expect(problems.map(({ line, column }) => [line, column])).toEqual(places);
  });

  test('a required field that is missing is refused', () => {
    const { message } = problemsOf(() => parseText('NetParameter', 'layer { clip_param { min: 1 } }'));
    expect(message).toContain('layer[0].clip_param.max');
  });

  test('messages know the line they stand on', () => {
    const net = parseText('NetParameter', 'name: "x"\n\nlayer {\n  name: "a"\n  relu_param { } }', {
      file: 'a.prototxt',
    });
    const [layer] = net.layer;
    expect(layer && sourceOf(layer)).toEqual({ file: 'a.prototxt', line: 3, column: 1 });
    expect(layer && sourceOf(layer.relu_param)).toEqual({ file: 'a.prototxt', line: 5, column: 3 });
  });

  test('any text is parsed or refused with problems, nothing else', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.prototxt'));
    const mangled = fc
      .tuple(fc.constantFrom(...files), fc.nat(), fc.nat({ max: 5 }), fc.uint8Array({ maxLength: 3 }))
      .map(([file, at, cut, insert]) => {
        const bytes = read(file);
        const from = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + cut)]);
      });
    fc.assert(
      fc.property(mangled, (text) => {
        const lines = text.toString('latin1').split('\n').length;
        const problems = problemsIn(text);
        expect(problems.every(({ line, column }) => line >= 1 && line <= lines && column >= 1)).toBe(true);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  test('a string that is not UTF-8 keeps its bytes', () => {
    expect(printText(parseText('NetParameter', 'name: "\\377a\\303("'))).toBe('name: "\\377a\\303("\n');
  });
});

describe('printText', () => {
  test.each(Object.entries(more.good).map(([name, rest]) => ({ name, ...rest })))(
    '$name prints as C++ prints it',
    ({ name, message, printed }) => {
      expect(printText(parseText(message, read(`good-${name}.prototxt`)))).toBe(printed);
    },
  );

  test.each(good)('$name reads back as it was', ({ name, message }) => {
    const once = parseText(message, read(`good-${name}.prototxt`));
    expect(toJson(parseText(message, printText(once)))).toEqual(toJson(once));
    expect(toJson(parseText(message, printText(once, { utf8: true })))).toEqual(toJson(once));
  });

  // As protobuf 3.21's C++ reads and prints them.
  test.each([
    ['"\\ud83d\\ude00"', '"\\360\\237\\230\\200"'],
    ['"\\ud83dx"', '"\\355\\240\\275x"'],
    ['"\\U00110000"', '"\\\\U00110000"'],
  ])('the string %s is %s', (text, printed) => {
    expect(printText(parseText('NetParameter', `name: ${text}`))).toBe(`name: ${printed}\n`);
  });

  test('text can be left as UTF-8', () => {
    expect(printText(parseText('NetParameter', 'name: "réseau"'), { utf8: true })).toBe('name: "réseau"\n');
  });
});
