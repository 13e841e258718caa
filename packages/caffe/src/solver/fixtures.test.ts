import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openBatchSource } from '../data/index.js';
import type { Feeds } from '../engine/index.js';
import { Engine } from '../engine/index.js';
import { layerTypes } from '../layers/index.js';
import { buildNet } from '../net/build.js';
import { solverNetState } from '../net/state.js';
import type { NetParameter, SolverParameter } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { copyWeights } from '../weights/copy.js';
import { readSolverState } from '../weights/solver-state.js';
import { readWeights } from '../weights/weight-file.js';
import { learningRate, stepAt } from './rate.js';
import { Solver } from './solver.js';

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** 20 iterations of a Caffe solver on a fixed batch. */
interface Case {
  readonly solver: string;
  readonly net: string;
  readonly feeds?: readonly Tensor[];
  readonly params10: readonly Tensor[];
  readonly params20: readonly Tensor[];
  readonly lossPerIteration: readonly number[];
  readonly ratePerIteration?: readonly number[];
  readonly lossAfterResumeAt10: readonly number[];
}

const root = fileURLToPath(new URL('../../fixtures/solvers/', import.meta.url));
const cases = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

function load(name: string): { given: Case; tensor: (tensor: Tensor) => Float32Array<ArrayBuffer> } {
  const bytes = readFileSync(`${root}${name}/case.f32`);
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return {
    given: JSON.parse(readFileSync(`${root}${name}/case.json`, 'utf8')) as Case,
    tensor: ({ offset, shape }) =>
      floats.slice(offset, offset + shape.reduce((product, size) => product * size, 1)),
  };
}

interface Run extends AsyncDisposable {
  readonly solver: Solver;
  readonly next: () => Promise<Feeds>;
}

async function start(name: string): Promise<Run> {
  const { given, tensor } = load(name);
  const options: SolverParameter = parseText('SolverParameter', given.solver);
  const parsed: NetParameter = parseText('NetParameter', given.net);
  const first = parsed.layer[0]!;
  const source = given.feeds ? null : await openBatchSource(first, { phase: 'TRAIN', folder: root + name });
  const net = buildNet(parsed, {
    layers: layerTypes,
    state: solverNetState(parsed, 'TRAIN'),
    ...(source && { given: new Map([[first.name, [...source.tops.values()]]]) }),
  });
  const engine = new Engine(net, { threads: 1 });
  const fixed = Object.fromEntries((given.feeds ?? []).map((feed) => [feed.name, tensor(feed)]));
  return {
    solver: new Solver(options, engine),
    next: async () => (source ? Object.fromEntries(await source.next()) : fixed) as Feeds,
    async [Symbol.asyncDispose]() {
      await engine.close();
      await source?.close();
    },
  };
}

async function loadWeights({ solver }: Run, file: string): Promise<void> {
  const { net, params } = solver.engine;
  copyWeights(net, params, await readWeights(file));
}

/** The blob `loss` in the next iterations: in the last pass of each. */
async function losses({ solver, next }: Run, iterations: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < iterations; i++) {
    const { outputs } = await solver.step(next);
    found.push(outputs.get('loss')!.data[0]!);
  }
  return found;
}

/** The largest difference between parameters, relative to the largest value of each. */
function worstParameter(name: string, { solver }: Run, expected: readonly Tensor[]): number {
  const { tensor } = load(name);
  const { net, params } = solver.engine;
  const worst = expected.map((wanted) => {
    const [layerName, position] = wanted.name.split(/\/(?=\d+$)/) as [string, string];
    const layer = net.layers.find((each) => each.name === layerName)!;
    const values = params[net.params[layer.params[Number(position)]!]!.learnable]!;
    const numbers = tensor(wanted);
    const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return (
      numbers.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0) / (largest || 1)
    );
  });
  return Math.max(...worst);
}

/** The largest relative difference between losses. */
const worstLoss = (found: readonly number[], expected: readonly number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs(found[i]! - value) / Math.abs(value)));

const snapshot = (name: string, iteration: number, kind: string): string => {
  const file = readdirSync(root + name).find((each) => each.startsWith(`snap_iter_${iteration}.${kind}`))!;
  return `${root}${name}/${file}`;
};

describe("Caffe's trajectories are followed for 20 iterations", () => {
  test.for(cases)('%s', async (name) => {
    const { given } = load(name);
    await using run = await start(name);
    await loadWeights(run, `${root}${name}/init.caffemodel`);
    const first = await losses(run, 10);
    expect(worstParameter(name, run, given.params10)).toBeLessThan(1e-3);
    const second = await losses(run, 10);
    expect(worstParameter(name, run, given.params20)).toBeLessThan(1e-3);
    expect(worstLoss([...first, ...second], given.lossPerIteration)).toBeLessThan(1e-4);
  });
});

describe("training continues from Caffe's own snapshot at iteration 10", () => {
  test.for(cases)('%s', async (name) => {
    const { given } = load(name);
    await using run = await start(name);
    await loadWeights(run, snapshot(name, 10, 'caffemodel'));
    run.solver.restore(await readSolverState(snapshot(name, 10, 'solverstate')));
    expect(run.solver.iteration).toBe(10);
    expect(worstLoss(await losses(run, 10), given.lossAfterResumeAt10)).toBeLessThan(1e-4);
  });
});

describe('training that is resumed equals training that was not interrupted, to the bit', () => {
  test.for(cases.filter((name) => load(name).given.feeds))('%s', async (name) => {
    await using whole = await start(name);
    await loadWeights(whole, `${root}${name}/init.caffemodel`);
    await losses(whole, 3);
    const values = whole.solver.engine.params.map((array) => array.slice());
    const { iter, currentStep, history } = whole.solver.state();
    const stored = {
      iter,
      currentStep,
      learnedNet: '',
      history: history.map(({ shape, data }) => ({
        shape,
        data: data.slice(),
        legacy: false,
        diff: undefined,
      })),
    };
    const uninterrupted = await losses(whole, 3);

    await using resumed = await start(name);
    for (const [i, array] of values.entries()) resumed.solver.engine.params[i]!.set(array);
    resumed.solver.restore(stored);
    expect(await losses(resumed, 3)).toEqual(uninterrupted);
    expect(resumed.solver.engine.params).toEqual(whole.solver.engine.params);
  });
});

interface Rates {
  readonly cases: readonly { readonly solver: string; readonly rates: readonly (number | 'nan')[] }[];
}

describe("learning rates are Caffe's", () => {
  const { cases: rates } = JSON.parse(readFileSync(`${root}rates.json`, 'utf8')) as Rates;
  test.for(rates)('$solver', ({ solver, rates: expected }) => {
    const options = parseText('SolverParameter', solver);
    let step = 0;
    const worst = expected.map((rate, iteration) => {
      step = stepAt(options, iteration, step);
      const found = learningRate(options, iteration, step);
      if (rate === 'nan') return Number.isNaN(found) ? 0 : Infinity;
      // Caffe multiplies the float32 numbers of its prototxt: one or two roundings of float32.
      return Math.abs(found - rate) / (Math.abs(rate) || 1);
    });
    expect(Math.max(...worst)).toBeLessThan(2 ** -22);
  });
});
