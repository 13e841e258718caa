import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readMessage, writeMessage } from '@softxent/caffe';
import { describe, expect, test } from 'vitest';
import { run, Scratch } from './testing.js';

type Event = Readonly<Record<string, string | number>>;

interface Case {
  readonly arguments: readonly string[];
  readonly exit: number;
  readonly events: readonly Event[];
  readonly caffe?: string;
  readonly solver?: string;
}

const { solverstate, ...cases } = JSON.parse(
  readFileSync(new URL('../fixtures/cli/expected.json', import.meta.url), 'utf8'),
) as Record<string, Case> & { solverstate: unknown };

const patterns: readonly [RegExp, (parts: readonly string[]) => Event][] = [
  [/^Finetuning from ([^:]+):/, ([file]) => ({ event: 'finetuning', file: file! })],
  [/^Resuming from (\S+)/, ([file]) => ({ event: 'resuming', file: file! })],
  [
    /^Iteration (\d+), Testing net \(#(\d+)\)/,
    ([at, net]) => ({ event: 'testing', iteration: Number(at), net: Number(net) }),
  ],
  [/^Test loss: (\S+)/, ([loss]) => ({ event: 'test-loss-of-net', loss: Number(loss) })],
  [
    /^ {4}(Train|Test) net output #(\d+): (\S+) = (\S+)(?: \(\* (\S+) = (\S+) loss\))?/,
    ([net, index, blob, value, weight, weighted]) => ({
      event: `${net!.toLowerCase()}-output`,
      index: Number(index),
      blob: blob!,
      value: Number(value),
      ...(weight !== undefined && { weight: Number(weight), weighted: Number(weighted) }),
    }),
  ],
  [
    /^Iteration (\d+), loss = (\S+)/,
    ([at, loss]) => ({ event: 'train', iteration: Number(at), loss: Number(loss) }),
  ],
  [
    /^MultiStep Status: Iteration (\d+), step = (\d+)/,
    ([at, step]) => ({ event: 'multistep', iteration: Number(at), step: Number(step) }),
  ],
  [
    /^Iteration (\d+), lr = (\S+)/,
    ([at, rate]) => ({ event: 'rate', iteration: Number(at), rate: Number(rate) }),
  ],
  [
    /^Snapshotting to (.*) file (\S+)/,
    ([format, file]) => ({ event: 'snapshot', format: format!, file: file! }),
  ],
  [
    /^Snapshotting solver state to (.*) file (\S+)/,
    ([format, file]) => ({ event: 'snapshot-state', format: format!, file: file! }),
  ],
  [/^Optimization Done/, () => ({ event: 'done' })],
  [/^Running for (\d+) iterations/, ([count]) => ({ event: 'running', iterations: Number(count) })],
  [
    /^Batch (\d+), (\S+) = (\S+)/,
    ([batch, blob, value]) => ({ event: 'batch', batch: Number(batch), blob: blob!, value: Number(value) }),
  ],
  [/^Loss: (\S+)/, ([loss]) => ({ event: 'test-loss', loss: Number(loss) })],
  [
    /^(loss|squared) = (\S+)(?: \(\* (\S+) = (\S+) loss\))?/,
    ([blob, value, weight, weighted]) => ({
      event: 'mean',
      blob: blob!,
      value: Number(value),
      ...(weight !== undefined && { weight: Number(weight), weighted: Number(weighted) }),
    }),
  ],
];

/** Reads a log of ours as one reads a log of Caffe's. */
function eventsOf(log: string): Event[] {
  const events = log.split('\n').flatMap((line) => {
    for (const [pattern, make] of patterns) {
      const found = pattern.exec(line);
      if (found) return [make(found.slice(1))];
    }
    return [];
  });
  // The loss after the last iteration stands alone, without outputs.
  return events.map((event, i) =>
    event['event'] === 'train' && events[i + 1]?.['event'] !== 'train-output'
      ? { ...event, event: 'final-train-loss' }
      : event,
  );
}

/** Caffe says some things twice. */
const once = (events: readonly Event[]): Event[] =>
  events.filter((event, i) => JSON.stringify(event) !== JSON.stringify(events[i - 1]));

/** Losses agree within 1e-4; all else is the same. */
function expectSameEvents(found: readonly Event[], expected: readonly Event[]): void {
  const numbers = new Set(['loss', 'value', 'weighted', 'rate']);
  const shape = (event: Event): Event =>
    Object.fromEntries(Object.entries(event).filter(([name]) => !numbers.has(name)));
  expect(found.map(shape)).toEqual(expected.map(shape));
  const different = expected.filter((event, i) =>
    [...numbers].some((name) => {
      const value = event[name] as number | undefined;
      return value !== undefined && !(Math.abs((found[i]![name] as number) / value - 1) < 1e-4);
    }),
  );
  expect(different).toEqual([]);
}

/** Makes the solvers and states that a case names and the fixtures do not hold. */
async function prepare(scratch: Scratch, name: string, { solver }: Case): Promise<void> {
  if (solver !== undefined) {
    const tests = solver.includes('test_iter') ? '' : 'test_iter: 1 test_interval: 100\n';
    const prefix = solver.includes('snapshot_prefix') ? '' : 'snapshot_prefix: "run"\n';
    writeFileSync(scratch.path('bad.solver'), `net: "net.prototxt"\n${tests}${prefix}${solver}\n`);
  }
  const rest = 'base_lr: 1 lr_policy: "fixed" max_iter: 1 snapshot_prefix: "run"';
  if (name === 'bad-two-train-nets') {
    writeFileSync(
      scratch.path('two-nets.solver'),
      `net: "net.prototxt" train_net: "no-test.prototxt" ${rest}`,
    );
  }
  if (name === 'bad-no-train-net') writeFileSync(scratch.path('two-nets.solver'), rest);
  const state = await readMessage('SolverState', scratch.path('made_iter_5.solverstate'));
  if (name === 'resume-short-history') state.history = state.history.slice(0, 3);
  if (name === 'resume-model-gone') state.learned_net = 'gone.caffemodel';
  if (name === 'resume-past-max-iter') state.iter = 1000;
  for (const file of ['short', 'gone', 'past'])
    await writeMessage(scratch.path(`${file}.solverstate`), state);
}

const worked = Object.entries(cases).filter(([, { caffe }]) => caffe === undefined);
const refused = Object.entries(cases).filter(([, { caffe }]) => caffe !== undefined);

describe("a run tells what Caffe's run told", () => {
  test.for(worked)('%s', async ([name, given]) => {
    using scratch = new Scratch('cli');
    await prepare(scratch, name, given);
    // Caffe starts the data again on resuming.
    const resumed = given.arguments.some((arg) => arg.startsWith('--snapshot'));
    const ran = await run(
      scratch.folder,
      [...given.arguments, ...(resumed ? ['--restart-data'] : [])].slice(),
    );
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expectSameEvents(eventsOf(ran.stdout), once(given.events));
  });
});

/** Wrong flags are told from what is wrong in files. */
const usage = new Set([
  'both-weights-and-snapshot',
  'test-no-weights',
  'test-no-model',
  'train-no-solver',
  'unknown-command',
  'unknown-flag',
]);

describe('what Caffe refuses is refused in one message, and no file is written', () => {
  test.for(refused)('%s', async ([name, given]) => {
    using scratch = new Scratch('cli');
    await prepare(scratch, name, given);
    const before = readdirSync(scratch.folder).toSorted();
    const { status, stderr } = await run(scratch.folder, given.arguments);
    expect(status).toBe(usage.has(name) ? 2 : 1);
    expect(stderr).toMatch(/^error: .{20}/);
    expect(stderr).not.toContain('    at ');
    expect(readdirSync(scratch.folder).toSorted()).toEqual(before);
  });
});

test('a solverstate holds what Caffe writes into it', async () => {
  using scratch = new Scratch('cli');
  expect((await run(scratch.folder, ['train', '-solver', 'again.solver'])).status).toBe(0);
  const ours = await readMessage('SolverState', scratch.path('run_iter_5.solverstate'));
  const theirs = await readMessage('SolverState', scratch.path('made_iter_5.solverstate'));
  expect(solverstate).toMatchObject({ iter: ours.iter, current_step: ours.current_step });
  expect(ours.learned_net).toBe('run_iter_5.caffemodel');
  for (const [i, { shape, data }] of theirs.history.entries()) {
    expect(ours.history[i]!.shape.dim).toEqual(shape.dim);
    for (const [k, value] of data.entries()) expect(ours.history[i]!.data[k]).toBeCloseTo(value, 6);
  }
});
