import { EventEmitter } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readSolverState } from '@softxent/caffe';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { writeDemo } from './demo/files.js';
import { run, Scratch, writeFolderRun } from './testing.js';

const bytes = (scratch: Scratch, name: string): Buffer => readFileSync(scratch.path(name));
const losses = (scratch: Scratch, name: string): [number, number][] =>
  readFileSync(scratch.path(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; iteration: number; loss: number })
    .filter(({ type }) => type === 'iteration' || type === 'tested')
    .map(({ iteration, loss }) => [iteration, loss]);

describe('training that is resumed equals training that was not interrupted, to the bit', () => {
  test('with data from HDF5, momentum and iter_size', async () => {
    using scratch = new Scratch('cli');
    const whole = await run(scratch.folder, ['train', '-solver', 'again.solver', '--log', 'whole.jsonl']);
    expect(whole.status).toBe(0);
    const [model, state] = [
      bytes(scratch, 'run_iter_10.caffemodel'),
      bytes(scratch, 'run_iter_10.solverstate'),
    ];
    const resumed = await run(
      scratch.folder,
      'train -solver again.solver -snapshot run_iter_5.solverstate --log resumed.jsonl'.split(' '),
    );
    expect(resumed.status).toBe(0);
    expect(losses(scratch, 'resumed.jsonl')).toEqual(losses(scratch, 'whole.jsonl').slice(-6));
    expect(bytes(scratch, 'run_iter_10.caffemodel')).toEqual(model);
    expect(bytes(scratch, 'run_iter_10.solverstate')).toEqual(state);
  });

  test.for(['BINARYPROTO', 'HDF5'])('with crops, flips, Dropout and Adam, from %s', async (format) => {
    using scratch = new Scratch();
    writeFolderRun(scratch, `snapshot_format: ${format}`);
    const ending = format === 'HDF5' ? '.h5' : '';
    const args = ['train', '-solver', 'solver.prototxt', '--data', 'photos'];
    expect((await run(scratch.folder, [...args, '--log', 'whole.jsonl'])).status).toBe(0);
    const model = `run_iter_12.caffemodel${ending}`;
    const before = await readSolverState(scratch.path(`run_iter_12.solverstate${ending}`));
    const values = bytes(scratch, model);
    const snapshot = ['-snapshot', `run_iter_6.solverstate${ending}`];
    expect((await run(scratch.folder, [...args, ...snapshot, '--log', 'resumed.jsonl'])).status).toBe(0);
    const found = losses(scratch, 'resumed.jsonl');
    expect(found).toHaveLength(7);
    expect(found).toEqual(losses(scratch, 'whole.jsonl').slice(-7));
    expect(await readSolverState(scratch.path(`run_iter_12.solverstate${ending}`))).toEqual(before);
    expect(bytes(scratch, model).length).toBe(values.length);
  });
});

describe('a folder of images and soft labels', () => {
  test('is learned: the loss comes near its floor, which the log tells', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch, 'max_iter: 60 test_interval: 30 average_loss: 5');
    const { status, stdout } = await run(
      scratch.folder,
      'train -solver solver.prototxt --data photos --log log.jsonl'.split(' '),
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/Train data: 7 pairs .*4 x 3 x 16 x 16, pixels \(x - 100\) \* 0\.02/);
    expect(stdout).toMatch(/Iteration 8, loss = \S+ \(floor \S+, excess \S+\)/);
    const events = readFileSync(scratch.path('log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; loss: number; floor: number; excess: number });
    const tests = events.filter(({ type }) => type === 'tested');
    expect(tests).toHaveLength(3);
    for (const { loss, floor, excess } of tests) expect(loss - floor).toBeCloseTo(excess, 12);
    expect(tests[2]!.floor).toBeGreaterThan(0.01);
    expect(tests[2]!.excess).toBeLessThan(0.4 * tests[0]!.excess);
  });

  test('is read by test and time, too', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    expect(
      (await run(scratch.folder, ['train', '-solver', 'solver.prototxt', '--data', 'photos'])).status,
    ).toBe(0);
    const tested = await run(
      scratch.folder,
      'test -model net.prototxt -weights run_iter_12.caffemodel -iterations 2 --data photos/test --batch 1 --crop 12x20'.split(
        ' ',
      ),
    );
    expect(tested.stdout).toMatch(/Test data: 3 pairs .* 1 x 3 x 12 x 20/);
    expect(tested.stdout).toMatch(/Loss: \S+ \(floor \S+, excess \S+\)/);
    const timed = await run(scratch.folder, [
      'time',
      '-model',
      'net.prototxt',
      '-iterations',
      '1',
      '--data',
      'photos',
    ]);
    expect(timed).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Average Forward-Backward: ') as string,
    });
  });

  test('with a file without partner is refused', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    writeFileSync(scratch.path('photos', 'train', 'images', 'lonely.png'), '');
    const { status, stderr } = await run(scratch.folder, [
      'train',
      '-solver',
      'solver.prototxt',
      '--data',
      'photos',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .*lonely\.png: has no soft label/);
  });
});

describe('signals', () => {
  /** Trains until the third line with `Iteration`, then sends a signal. */
  async function interrupted(scratch: Scratch, signal: 'SIGINT' | 'SIGHUP', flags: readonly string[] = []) {
    writeFolderRun(scratch, 'display: 1 max_iter: 9 snapshot: 0 test_interval: 100');
    const signals = new EventEmitter();
    const push = signals.on.bind(signals);
    const args = ['train', '-solver', 'solver.prototxt', '--data', 'photos', '--threads', '1', ...flags];
    const { main } = await import('./cli.js');
    let stdout = '';
    const status = await main(args, {
      folder: scratch.folder,
      stderr: { write: () => true },
      stdout: {
        write: (text: string) => {
          stdout += text;
          if (text.startsWith('Iteration 3, lr')) signals.emit(signal);
        },
      },
      signals: { on: push, off: signals.off.bind(signals) },
    });
    expect(signals.eventNames()).toEqual([]);
    const snapshots = readdirSync(scratch.folder).filter((name) => name.endsWith('.caffemodel'));
    return { status, stdout, snapshots: snapshots.toSorted() };
  }

  test('SIGINT stops after the iteration, with a snapshot', async () => {
    using scratch = new Scratch();
    const { status, stdout, snapshots } = await interrupted(scratch, 'SIGINT');
    expect(status).toBe(0);
    expect(stdout).toContain('Optimization stopped early, at iteration 4.');
    expect(snapshots).toEqual(['run_iter_4.caffemodel']);
  });

  test('SIGHUP writes a snapshot and goes on', async () => {
    using scratch = new Scratch();
    const { stdout, snapshots } = await interrupted(scratch, 'SIGHUP');
    expect(stdout).toContain('Optimization Done.');
    expect(snapshots).toEqual(['run_iter_4.caffemodel', 'run_iter_9.caffemodel']);
  });

  test('effects can be changed', async () => {
    using scratch = new Scratch();
    const flags = ['-sigint_effect', 'snapshot', '-sighup_effect=none'];
    expect((await interrupted(scratch, 'SIGINT', flags)).snapshots).toHaveLength(2);
    using other = new Scratch();
    expect((await interrupted(other, 'SIGHUP', flags)).snapshots).toEqual(['run_iter_9.caffemodel']);
  });
});

describe('the floor', () => {
  const changed = (scratch: Scratch, layers: string, loss: string): void => {
    const net = readFileSync(scratch.path('net.prototxt'), 'utf8');
    writeFileSync(
      scratch.path('net.prototxt'),
      net.replace(/layer \{ name: "loss"[^]*/, `${layers}\nlayer { name: "loss" ${loss} }\n`),
    );
  };
  const trained = async (scratch: Scratch): Promise<string> => {
    const { stdout, stderr } = await run(
      scratch.folder,
      'train -solver solver.prototxt --data photos'.split(' '),
    );
    expect(stderr).toBe('');
    return stdout;
  };

  test('is told where layers make the labels', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    changed(
      scratch,
      'layer { name: "soft" type: "Power" bottom: "label" top: "soft" power_param { scale: 0.8 shift: 0.1 } }',
      'type: "SigmoidCrossEntropyLoss" bottom: "c2" bottom: "soft" top: "loss" loss_param { normalization: VALID }',
    );
    const stdout = await trained(scratch);
    const floors = [...stdout.matchAll(/floor (\S+), excess/g)].map(([, floor]) => Number(floor));
    expect(floors.length).toBeGreaterThan(5);
    // No label is below 0.1 or above 0.9: every pixel has at least that entropy.
    const least = -0.1 * Math.log(0.1) - 0.9 * Math.log(0.9);
    expect(Math.min(...floors)).toBeGreaterThan(least - 1e-6);
  });

  test('is said to be unknown, with the reason, where it is', async () => {
    using scratch = new Scratch();
    writeFolderRun(scratch);
    changed(
      scratch,
      '',
      'type: "Eltwise" bottom: "c2" bottom: "label" top: "loss" loss_weight: 0.001 eltwise_param { operation: SUM }',
    );
    const stdout = await trained(scratch);
    expect(stdout.match(/note: no floor of the loss is told: layer 'loss' \(Eltwise\)/g)).toHaveLength(1);
    expect(stdout).not.toContain('excess');
  });
});

test('a report is one page that needs nothing else, with curves and pictures', async () => {
  using scratch = new Scratch();
  writeFolderRun(scratch);
  const { status } = await run(
    scratch.folder,
    'train -solver solver.prototxt --data photos --report report.html'.split(' '),
  );
  expect(status).toBe(0);
  const page = readFileSync(scratch.path('report.html'), 'utf8');
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page.match(/<img src="data:image\/png;base64,/g)).toHaveLength(3 * 4);
  expect(page).toContain('floor: entropy of the labels');
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|<script|<link|@import/);
});

test('the demo makes its data, learns from the weights that come with it, and leaves report, pictures and weights', async () => {
  using scratch = new Scratch();
  await writeDemo(scratch.folder, 8, 3);
  const shorter = readFileSync(scratch.path('solver.prototxt'), 'utf8')
    .replace(/max_iter: \d+/, 'max_iter: 10')
    .replace(/test_iter: \d+/, 'test_iter: 1');
  writeFileSync(scratch.path('solver.prototxt'), shorter);
  const { status, stdout, stderr } = await run(
    scratch.folder,
    'train -solver solver.prototxt -weights initial.caffemodel --data data --pictures predictions.png'.split(
      ' ',
    ),
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('Finetuning from initial.caffemodel: 5 layers copied\n');
  expect(decode(readFileSync(scratch.path('predictions.png')))).toMatchObject({
    channels: 3,
    width: 3 * 132 + 4,
  });
  expect(existsSync(scratch.path('demo_iter_10.caffemodel'))).toBe(true);
});
