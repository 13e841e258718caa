import { readFileSync, writeFileSync } from 'node:fs';
import { openSession } from '@softxent/backend-onnx/runtime';
import {
  buildNet,
  Engine,
  copyWeights,
  layerTypes,
  netState,
  readNetFile,
  readWeights,
} from '@softxent/caffe';
import { describe, expect, test } from 'vitest';
import { run, Scratch } from './testing.js';

const convert = async (scratch: Scratch, ...args: string[]): Promise<string> => {
  const ran = await run(scratch.folder, ['convert', ...args]);
  expect(ran.stderr).toBe('');
  expect(ran.status).toBe(0);
  return ran.stdout;
};
const bytes = (scratch: Scratch, name: string): Buffer => readFileSync(scratch.path(name));

describe('convert', () => {
  test('weights to text and back are the same bytes', async () => {
    using scratch = new Scratch('cli');
    await convert(scratch, 'made_iter_5.caffemodel', 'text.prototxt');
    await convert(scratch, 'text.prototxt', 'back.caffemodel');
    expect(bytes(scratch, 'back.caffemodel')).toEqual(bytes(scratch, 'made_iter_5.caffemodel'));
  });

  test('a solverstate through HDF5 and text is the same bytes', async () => {
    using scratch = new Scratch('cli');
    await convert(scratch, 'made_iter_5.solverstate', 'state.h5');
    await convert(scratch, 'state.h5', 'state.txt');
    await convert(scratch, 'state.txt', 'back.solverstate');
    expect(bytes(scratch, 'back.solverstate')).toEqual(bytes(scratch, 'made_iter_5.solverstate'));
  });

  test.for([[], ['-model', 'net.prototxt']])('weights through HDF5 keep every number %s', async (model) => {
    using scratch = new Scratch('cli');
    await convert(scratch, 'made_iter_5.caffemodel', 'weights.caffemodel.h5');
    await convert(scratch, 'weights.caffemodel.h5', 'back.caffemodel', ...model);
    const score = async (file: string): Promise<string> =>
      (await run(scratch.folder, ['test', '-model', 'net.prototxt', '-weights', file, '-iterations', '2']))
        .stdout;
    expect(await score('back.caffemodel')).toBe(await score('made_iter_5.caffemodel'));
  });

  test.for([false, true])(
    'to ONNX gives the net that predicts (probabilities: %s)',
    async (probabilities) => {
      using scratch = new Scratch('cli');
      const flags = probabilities ? ['--probabilities'] : [];
      const told = await convert(
        scratch,
        'net.prototxt',
        'net.onnx',
        '-weights',
        'made_iter_5.caffemodel',
        ...flags,
      );
      const output = probabilities ? 'c2_probability' : 'c2';
      expect(told).toContain(`inputs data [2, 2, 8, 8]; outputs ${output}\n`);
      const data = Float32Array.from({ length: 2 * 2 * 64 }, (_, i) => Math.sin(i));
      await using session = await openSession(Uint8Array.from(bytes(scratch, 'net.onnx')), {
        provider: 'cpu',
        threads: 1,
      });
      const found = await session.run({ data: { dtype: 'float32', shape: [2, 2, 8, 8], data } });
      expect(Object.keys(found)).toEqual([output]);

      const param = await readNetFile(scratch.path('net.prototxt'));
      const shapes = [
        [2, 2, 8, 8],
        [2, 1, 8, 8],
      ];
      const state = netState(param, { phase: 'TEST' });
      const net = buildNet(param, { layers: layerTypes, state, given: new Map([['in', shapes]]) });
      await using engine = new Engine(net, { threads: 1 });
      copyWeights(net, engine.params, await readWeights(scratch.path('made_iter_5.caffemodel')));
      const pass = await engine.forward({ data, label: new Float32Array(128) }, { blobs: ['c2'] });
      const logits = pass.blobs.get('c2')!.data;
      const expected = probabilities ? logits.map((x) => 1 / (1 + Math.exp(-x))) : logits;
      for (const [i, value] of expected.entries()) {
        expect(Number(found[output]!.data[i])).toBeCloseTo(value, 6);
      }
    },
  );

  test('an ONNX model is written, and refused as an input', async () => {
    using scratch = new Scratch('cli');
    await convert(scratch, 'net.prototxt', 'net.onnx', '-weights', 'made_iter_5.caffemodel');
    for (const args of [
      ['inspect', 'net.onnx'],
      ['convert', 'net.onnx', 'net.h5'],
    ]) {
      const ran = await run(scratch.folder, args);
      expect(ran).toMatchObject({ status: 1, stderr: expect.stringMatching(/an ONNX model/) as string });
    }
  });

  test('a snapshot whose net does not predict asks for the prototxt', async () => {
    using scratch = new Scratch('cli');
    const ran = await run(scratch.folder, ['convert', 'made_iter_5.caffemodel', 'net.onnx']);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(
      /^error: made_iter_5\.caffemodel: the net in it .*: give -model NET\.prototxt$/m,
    );
  });

  test('weights that lack a layer are not exported', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(scratch.path('few.prototxt'), 'layer { name: "other" type: "Convolution" }');
    await convert(scratch, 'few.prototxt', 'few.caffemodel');
    const ran = await run(scratch.folder, [
      'convert',
      'net.prototxt',
      'net.onnx',
      '-weights',
      'few.caffemodel',
    ]);
    expect(ran).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/no weights for c1, c2/) as string,
    });
  });
});

describe('inspect', () => {
  const inspected = async (scratch: Scratch, file: string): Promise<string> => {
    const ran = await run(scratch.folder, ['inspect', file]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    return ran.stdout;
  };

  test('a net: layers, shapes, parameters', async () => {
    using scratch = new Scratch('cli');
    const told = await inspected(scratch, 'net.prototxt');
    expect(told).toMatch(/c1 +Convolution +data +c1 +3 x 4 x 8 x 8 +76\n/);
    expect(told).toContain('5 layers, 4 parameter blobs, 81 parameters; outputs: loss');
  });

  test('a net whose data are elsewhere is shown without shapes, with the reason', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(scratch.path('train.txt'), 'gone.h5\n');
    const told = await inspected(scratch, 'net.prototxt');
    expect(told).toMatch(/c1 +Convolution +data +c1\n/);
    expect(told).toMatch(/Shapes are not known: .*gone\.h5/);
  });

  test('weights and states, in binary, text and HDF5: statistics of every blob', async () => {
    using scratch = new Scratch('cli');
    const row = /c1 .* 0 +4 x 2 x 3 x 3 +72 +0\.0154277 +0\.228246 +0\.0946733 +0\.0383253 +0\n/;
    for (const file of ['weights.prototxt', 'weights.h5']) {
      await convert(scratch, 'made_iter_5.caffemodel', file);
      expect(await inspected(scratch, file)).toMatch(row);
    }
    expect(await inspected(scratch, 'made_iter_5.caffemodel')).toMatch(row);
    await convert(scratch, 'made_iter_5.solverstate', 'state.h5');
    for (const file of ['made_iter_5.solverstate', 'state.h5']) {
      expect(await inspected(scratch, file)).toMatch(/^Solverstate: iteration 5, step 1 /);
    }
  });

  test('a solver', async () => {
    using scratch = new Scratch('cli');
    expect(await inspected(scratch, 'train.solver')).toMatch(/^Solver SGD\n[^]*base_lr: 0\.5\n/);
  });

  test('text that is nothing of Caffe is refused where it fails', async () => {
    using scratch = new Scratch('cli');
    writeFileSync(scratch.path('bad.prototxt'), 'name: "x"\nlayer { nmae: "c" }\n');
    const ran = await run(scratch.folder, ['inspect', 'bad.prototxt']);
    expect(ran.status).toBe(1);
    expect(ran.stderr).toMatch(/^error: .*bad\.prototxt:2:13: .*nmae/);
  });
});

test('upgrade brings an old net into the format of today', async () => {
  using scratch = new Scratch();
  writeFileSync(
    scratch.path('old.prototxt'),
    'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\nlayers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 2 convolution_param { num_output: 2 kernel_size: 3 } }',
  );
  const { status, stdout } = await run(scratch.folder, ['upgrade', 'old.prototxt', 'new.prototxt']);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^new\.prototxt: upgraded /);
  const text = readFileSync(scratch.path('new.prototxt'), 'utf8');
  expect(text).toContain('type: "Convolution"');
  expect(text).toContain('lr_mult: 2');
  expect(text).toContain('type: "Input"');
});

test('draw gives an SVG with every layer, those in place in the box before them', async () => {
  using scratch = new Scratch('cli');
  const { status, stdout } = await run(scratch.folder, [
    'draw',
    'net.prototxt',
    'net.svg',
    '--phase',
    'TEST',
  ]);
  expect(status).toBe(0);
  expect(stdout).toBe('net.svg: 5 boxes\n');
  const svg = readFileSync(scratch.path('net.svg'), 'utf8');
  for (const name of ['in', 'c1', 'c2', 'loss', 'squared']) expect(svg).toContain(`>${name}</text>`);
  expect(svg).toContain('+ ReLU');
  expect(svg).toContain('2 × 4 × 8 × 8');
  expect(svg.match(/<path d=/g)!.length).toBeGreaterThan(5);
});

describe('time', () => {
  const timed = (scratch: Scratch, ...flags: string[]): ReturnType<typeof run> =>
    run(scratch.folder, ['time', '-model', 'net.prototxt', '-iterations', '2', ...flags]);

  test('tells passes and every layer, as Caffe prints them', async () => {
    using scratch = new Scratch('cli');
    const { status, stdout } = await timed(scratch);
    expect(status).toBe(0);
    for (const layer of ['in', 'c1', 'r1', 'c2', 'loss']) {
      expect(stdout).toMatch(new RegExp(`^ *${layer}\tforward: \\d+\\.\\d{3} ms\\.$`, 'm'));
      expect(stdout).toMatch(new RegExp(`^ *${layer}\tbackward: \\d+\\.\\d{3} ms\\.$`, 'm'));
    }
    for (const what of ['Forward pass', 'Backward pass', 'Forward-Backward']) {
      expect(stdout).toMatch(new RegExp(`^Average ${what}: \\d+\\.\\d\\d ms\\.`, 'm'));
    }
  });

  test('--json prints one object and nothing else', async () => {
    using scratch = new Scratch('cli');
    const { stdout } = await timed(scratch, '--json');
    const { iterations, forwardBackward, profile } = JSON.parse(stdout) as {
      iterations: number;
      forwardBackward: { median: number };
      profile: { layers: { name: string; forward: number; backward: number }[] };
    };
    expect(iterations).toBe(2);
    expect(forwardBackward.median).toBeGreaterThan(0);
    const layer = profile.layers.find(({ name }) => name === 'c1')!;
    expect(Math.min(layer.forward, layer.backward)).toBeGreaterThan(0);
    const short = JSON.parse((await timed(scratch, '--json', '--no-layers')).stdout) as { profile: null };
    expect(short.profile).toBeNull();
  });

  test('says why where layers cannot be told', async () => {
    using scratch = new Scratch('cli');
    const { status, stdout } = await timed(scratch, '-loss_backend', 'cpu');
    expect(status).toBe(0);
    expect(stdout).toContain('note: layers cannot be timed one by one: a loss outside the graph');
    expect(stdout).toContain('Average Forward-Backward');
  });
});

describe('help', () => {
  test.for(['train', 'test', 'time', 'inspect', 'convert', 'upgrade', 'draw', 'demo'])('%s', async (verb) => {
    const { status, stdout } = await run('.', [verb, '-help']);
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: softxent-caffe ${verb}`);
  });
});
