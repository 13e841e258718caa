import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpu } from '@softxent/backend-cpu';
import { webgpu } from '@softxent/backend-webgpu';
import { describe, expect, test } from 'vitest';
import { reasonNot, run, Scratch, writeFolderRun } from './testing.js';

const noAdapter = await reasonNot(async () => {
  const device = await webgpu().open();
  await device.dispose();
});

/** The loss of every iteration. */
const losses = (scratch: Scratch, log: string): number[] =>
  readFileSync(scratch.path(log), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; loss: number })
    .filter(({ type }) => type === 'iteration')
    .map(({ loss }) => loss);

/**
 * How far two runs' losses may be apart, relatively. Both compute a loss within some ulp of float32 (6e-8) and add in float64 or by
 * blocks; the gradients' last bits make weights that differ by as much, which ten iterations hardly enlarge. Measured: 1.3e-7.
 */
const TOLERANCE = 1e-6;

/** Trains twice, with losses in the graph and on the backend: the greatest relative difference of the losses. */
async function apart(scratch: Scratch, backend: string, args: readonly string[]): Promise<number> {
  const graph = await run(scratch.folder, [...args, '--log', 'graph.jsonl']);
  expect(graph).toMatchObject({ status: 0, stderr: '' });
  const ran = await run(scratch.folder, [...args, '--log', 'backend.jsonl', '--loss-backend', backend]);
  expect(ran.stderr).toBe('');
  expect(ran.stdout).toContain('; cross-entropies on ');
  const [ours, theirs] = [losses(scratch, 'graph.jsonl'), losses(scratch, 'backend.jsonl')];
  expect(theirs).toHaveLength(ours.length);
  return Math.max(...ours.map((loss, i) => Math.abs(theirs[i]! / loss - 1)));
}

const backends: readonly (readonly [name: string, reason: string])[] = [
  ['cpu', ''],
  ['wasm', ''],
  ['onnx', ''],
  ['webgpu', noAdapter],
];

const data = `layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 3 dim: 16 dim: 16 } shape { dim: 4 dim: 1 dim: 16 dim: 16 } } transform_param { mean_value: 100 scale: 0.02 } }`;
const body = `layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 3 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }`;

/** Nets that end in a softmax, by what their labels are. */
const softmaxes = {
  'soft targets': `layer { name: "rest" type: "Power" bottom: "label" top: "rest" power_param { scale: -1 shift: 1 } }
    layer { name: "half" type: "Power" bottom: "label" top: "half" power_param { scale: 0.5 } }
    layer { name: "t" type: "Concat" bottom: "rest" bottom: "half" bottom: "half" top: "t" }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c1" bottom: "t" top: "loss" loss_weight: 0.5 }`,
  'class labels with an ignored one': `layer { name: "t" type: "Power" bottom: "label" top: "t" power_param { scale: 2 } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c1" bottom: "t" top: "loss" loss_param { ignore_label: 1 normalization: BATCH_SIZE } }`,
};

describe.for(backends)('cross-entropies on %s%s', ([name, reason]) => {
  test.skipIf(reason !== '')('train a sigmoid as the graph does', async () => {
    using scratch = new Scratch('cli');
    expect(await apart(scratch, name, ['train', '-solver', 'again.solver'])).toBeLessThan(TOLERANCE);
  });

  test.skipIf(reason !== '').for(Object.entries(softmaxes))(
    'train a softmax as the graph does: %s',
    async ([, layers]) => {
      using scratch = new Scratch();
      writeFolderRun(scratch, 'type: "SGD" base_lr: 0.001 max_iter: 6');
      writeFileSync(scratch.path('net.prototxt'), [data, body, layers].join('\n'));
      expect(
        await apart(scratch, name, 'train -solver solver.prototxt --data photos'.split(' ')),
      ).toBeLessThan(TOLERANCE);
    },
  );
});

const train = ['train', '-solver', 'again.solver', '--loss-backend'];

test('a backend comes from a module of the user, by its path', async () => {
  using scratch = new Scratch('cli');
  const opened: string[] = [];
  const given = globalThis as { ours?: (options: unknown) => unknown };
  given.ours = () => ({
    ...cpu(),
    name: 'mine',
    open: () => {
      opened.push('mine');
      return cpu().open();
    },
  });
  writeFileSync(scratch.path('mine.mjs'), 'export const backend = (...args) => globalThis.ours(...args);');
  expect(await apart(scratch, './mine.mjs', ['train', '-solver', 'again.solver'])).toBeLessThan(TOLERANCE);
  expect(opened).toEqual(['mine']);
});

describe('a backend that cannot be had is an error that says why', () => {
  test.for([
    ['./broken.mjs', /broken\.mjs, export backend: found number, expected a backend/],
    ['./throws.mjs', /cannot load \.\/throws\.mjs: no luck/],
    ['./gone.mjs', /cannot load \.\/gone\.mjs: .*Cannot find module/],
    ['no-such-backend', /cannot load no-such-backend: Cannot find module/],
  ] as const)('%s', async ([name, message]) => {
    using scratch = new Scratch('cli');
    writeFileSync(scratch.path('broken.mjs'), 'export const backend = 3;');
    writeFileSync(scratch.path('throws.mjs'), 'throw new Error("no luck");');
    const { status, stderr } = await run(scratch.folder, [...train, name]);
    expect(status).toBe(1);
    expect(stderr.match(/^error: /gm)).toHaveLength(1);
    expect(stderr).toContain(`--loss-backend ${name}: not one of cpu, wasm, webgpu, onnx`);
    expect(stderr).toMatch(message);
    expect(existsSync(scratch.path('run_iter_5.caffemodel'))).toBe(false);
  });

  test('one that does not open', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(
      scratch.path('asleep.mjs'),
      "export const backend = { name: 'asleep', open() { return Promise.reject(new Error('not today')); } };",
    );
    const { status, stderr } = await run(scratch.folder, [...train, './asleep.mjs']);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'error: --loss-backend ./asleep.mjs: asleep does not open: not today\n',
    });
  });
});
