import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError, CaffeTextError } from '../errors.js';
import { parseText } from '../text/parse.js';
import { readNetFile, readSolverFile } from './read.js';
import { solverNets } from './solver-nets.js';

const scratch = mkdtempSync(join(tmpdir(), 'softxent-solver-nets-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function put(name: string, text: string): string {
  const file = join(scratch, name);
  writeFileSync(file, text);
  return file;
}

const readNet = (file: string) => Promise.resolve(parseText('NetParameter', `name: "${file}"`));
const nets = (text: string) => solverNets(parseText('SolverParameter', text), { readNet });
const summary = async (text: string) => {
  const { train, tests } = await nets(text);
  return [train, ...tests].map(({ source, state, testIter, param }) => [
    source,
    param.name,
    state.phase,
    state.level,
    state.stage.join('+'),
    testIter,
  ]);
};

describe('solverNets', () => {
  test('one net with two test states, as in Caffe', async () => {
    const solver =
      'net: "n" test_iter: 1 test_iter: 2 test_interval: 3 test_state { stage: "one" } test_state { stage: "two" }';
    expect(await summary(solver)).toEqual([
      ['n', 'n', 'TRAIN', 0, '', 0],
      ['n', 'n', 'TEST', 0, 'one', 1],
      ['n', 'n', 'TEST', 0, 'two', 2],
    ]);
  });

  test('test_net_param comes before test_net, and both before the net itself', async () => {
    const solver =
      'net: "n" test_net: "t" test_net_param { name: "p" state { level: 2 } } test_iter: [1, 2, 3, 4] test_interval: 1';
    expect(await summary(solver)).toEqual([
      ['n', 'n', 'TRAIN', 0, '', 0],
      ['test_net_param[0]', 'p', 'TEST', 2, '', 1],
      ['t', 't', 'TEST', 0, '', 2],
      ['n', 'n', 'TEST', 0, '', 3],
      ['n', 'n', 'TEST', 0, '', 4],
    ]);
  });

  test("train_state adds to the net's own state", async () => {
    const solver =
      'train_net_param { name: "p" state { stage: "a" } } train_state { stage: "b" level: 1 } test_net: "t" test_iter: 5 test_interval: 1';
    expect(await summary(solver)).toEqual([
      ['train_net_param', 'p', 'TRAIN', 1, 'a+b', 0],
      ['t', 't', 'TEST', 0, '', 5],
    ]);
  });

  test('an inline net of an old generation is upgraded', async () => {
    const { train } = await nets('net_param { layers { name: "r" type: RELU } }');
    expect(train.param.layer.map(({ type }) => type)).toEqual(['ReLU']);
  });

  test.each([
    [
      'base_lr: 1',
      'the solver gives 0 nets to train; expected exactly one of net, net_param, train_net, train_net_param',
    ],
    ['net: "a" train_net: "b"', 'the solver gives 2 nets to train'],
    ['net: "a" test_iter: 1', 'test_interval is 0, with 1 tests; expected 1 or more'],
    ['net: "a" test_net: "b" test_interval: 1', '0 test_iter for 1 test nets'],
    ['train_net: "a" test_iter: 1 test_interval: 1', '1 test_iter for 0 test nets'],
    ['net: "a" test_iter: 1 test_interval: 1 test_state { } test_state { }', '2 test_state for 1 tests'],
  ])('%s: %s', async (solver, message) => {
    await expect(nets(solver)).rejects.toThrow(message);
  });
});

describe('reading prototxts', () => {
  test('nets and solvers are upgraded, and know their file', async () => {
    const net = await readNetFile(put('net.prototxt', 'layers { name: "r" type: RELU }'));
    expect(net.layer[0]?.type).toBe('ReLU');
    expect((await readSolverFile(put('solver.prototxt', 'solver_type: ADAM'))).type).toBe('Adam');
    await expect(readSolverFile(put('bad.prototxt', 'base_lr: 1\nlr_polcy: "fixed"'))).rejects.toThrow(
      /bad\.prototxt:2:9: .*did you mean lr_policy\?/,
    );
    await expect(readSolverFile(join(scratch, 'bad.prototxt'))).rejects.toBeInstanceOf(CaffeTextError);
  });

  test('a caffemodel in place of a prototxt is named as what it is', async () => {
    const file = put('net.caffemodel', '\n\u0001w\u00a2\u0006\u0004\0\0\0\0');
    await expect(readNetFile(file)).rejects.toThrow('a binary file; expected a NetParameter');
    await expect(readNetFile(file)).rejects.toBeInstanceOf(CaffeFormatError);
  });

  test('a missing file', async () => {
    await expect(readSolverFile(join(scratch, 'none.solver'))).rejects.toBeInstanceOf(CaffeFileError);
  });
});
