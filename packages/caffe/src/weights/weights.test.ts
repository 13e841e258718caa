import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { encodeMessage } from '../binary/encode.js';
import { CaffeFileError, CaffeFormatError, CaffeWeightsError } from '../errors.js';
import { layerTypes } from '../layers/index.js';
import { buildNet } from '../net/build.js';
import type { Net } from '../net/net.js';
import { countOf } from '../net/shape.js';
import { netState } from '../net/state.js';
import { create } from '../schema/message.js';
import type { Phase } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { printText } from '../text/print.js';
import { copyWeights } from './copy.js';
import { readSolverState, solverHistory, writeSolverState } from './solver-state.js';
import {
  netWithWeights,
  readBlobFile,
  readMessage,
  readWeights,
  weightsOf,
  writeWeights,
} from './weight-file.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names what a fixture holds
const json = <T>(name: string) => JSON.parse(readFileSync(fixture(name), 'utf8')) as T;
const scratch = mkdtempSync(join(tmpdir(), 'softxent-caffe-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Tensor {
  name: string;
  shape: number[];
  offset: number;
}

/** The tensors of a fixture by name. */
function tensors(file: string, list: Tensor[]): Map<string, Float32Array> {
  const bytes = readFileSync(fixture(file));
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return new Map(list.map(({ name, shape, offset }) => [name, all.slice(offset, offset + countOf(shape))]));
}

function build(text: string, phase: Phase = 'TEST'): Net {
  const param = parseText('NetParameter', text);
  return buildNet(param, { layers: layerTypes, state: netState(param, { phase }) });
}

const sevens = (net: Net) => net.learnable.map(({ shape }) => new Float32Array(countOf(shape)).fill(7));

/** What a net's parameters are now: as in the fixture, as before, or something else. */
function outcome(
  net: Net,
  values: readonly Float32Array[],
  wanted: Map<string, Float32Array>,
): Record<string, string> {
  const equal = (a: Float32Array, b: Float32Array) =>
    a.length === b.length && a.every((value, i) => value === b[i]);
  return Object.fromEntries(
    net.params.map(({ layer, position, learnable }) => {
      const key = `${net.layers[layer]?.name}/${position}`;
      const value = values[learnable] ?? new Float32Array();
      const state = equal(value, wanted.get(key) ?? new Float32Array())
        ? 'copied'
        : value.every((number) => number === 7)
          ? 'untouched'
          : `other: ${Array.from(value.slice(0, 4), (number) => (Number.isNaN(number) ? 'nan' : number.toPrecision(9))).join(' ')}`;
      return [key, state];
    }),
  );
}

const cases = Object.entries(
  json<{ files: Record<string, { params?: Record<string, string>; refused?: boolean; caffe?: string }> }>(
    'weights/expected.json',
  ).files,
);
const net = build(readFileSync(fixture('weights/net.prototxt'), 'utf8'));
const wanted = tensors('weights/values.f32', json<{ params: Tensor[] }>('weights/values.json').params);
const accepted = cases.flatMap(([file, { params }]) => (params ? [{ file, params }] : []));
const refused = cases.flatMap(([file, { caffe }]) => (caffe === undefined ? [] : [{ file, caffe }]));

describe('copyWeights', () => {
  test('every weight file of the fixtures is tried', () => {
    const files = readdirSync(fixture('weights')).filter((file) => /\.caffemodel(\.h5)?$/.test(file));
    expect(cases.map(([file]) => file).toSorted()).toEqual(files.toSorted());
    expect(accepted.length + refused.length).toBe(cases.length);
  });

  test.each(accepted)('$file does to a net what it does in Caffe', async ({ file, params }) => {
    const values = sevens(net);
    const report = copyWeights(net, values, await readWeights(fixture(`weights/${file}`)));
    expect(outcome(net, values, wanted)).toEqual(params);
    const copied = new Set(
      Object.entries(params)
        .filter(([, what]) => what !== 'untouched')
        .map(([key]) => key.split('/')[0]),
    );
    expect(new Set(report.copied)).toEqual(copied);
  });

  test.each(refused)('$file is refused, and nothing is copied: $caffe', async ({ file, caffe }) => {
    const values = sevens(net);
    const run = async () => copyWeights(net, values, await readWeights(fixture(`weights/${file}`)));
    const error = await run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect([CaffeFormatError, CaffeWeightsError].some((type) => error instanceof type)).toBe(true);
    const { message } = error as Error;
    expect(message).toContain(file);
    // At least the numbers, shapes and the layer that Caffe names; a blob without a shape is no layer to Caffe.
    const [, found, other] = /\((\d+) vs\. (\d+)\)/.exec(caffe) ?? [];
    const shapes = [...caffe.matchAll(/shape is ((?:\d+ )+\(\d+\))/g)].map(([, shape = '']) => shape);
    const layer = /(?:layer '?)(\w+)/.exec(caffe)?.[1];
    expect(
      [found, other, layer, ...shapes].filter((part) => part !== undefined && !message.includes(part)),
    ).toEqual([]);
    expect(new Set(Object.values(outcome(net, values, wanted)))).toEqual(new Set(['untouched']));
  });

  test.each(['empty-file.caffemodel', 'random-bytes.caffemodel'])(
    '%s: that nothing was copied is said',
    async (file) => {
      const report = copyWeights(net, sevens(net), await readWeights(fixture(`weights/${file}`)));
      expect(report.warnings.join('\n')).toContain('nothing was copied');
      expect(report.untouched).toEqual(['conv', 'ip']);
    },
  );

  test('layers that only one of the two has are listed', async () => {
    const extra = copyWeights(net, sevens(net), await readWeights(fixture('weights/extra-layer.caffemodel')));
    expect(extra.ignored).toHaveLength(1);
    expect(extra.warnings).toEqual([]);
    const missing = copyWeights(
      net,
      sevens(net),
      await readWeights(fixture('weights/missing-layer.caffemodel')),
    );
    expect(missing.untouched).toEqual(['ip']);
  });

  test('values that are not finite are copied with a warning', async () => {
    const report = copyWeights(
      net,
      sevens(net),
      await readWeights(fixture('weights/nan-weights.caffemodel')),
    );
    expect(report.warnings.join()).toMatch(/\d+ of the 54 values of parameter 0 of layer 'conv' are NaN/);
  });

  test('weights of another net: nothing copied, and both are named', () => {
    const other = create('NetParameter', { layer: [{ name: 'other', type: 'InnerProduct', blobs: [] }] });
    const report = copyWeights(net, sevens(net), weightsOf(other, 'other.caffemodel'));
    expect(report.warnings).toEqual([
      'other.caffemodel: nothing was copied: none of its 1 layers (other) is in the net with parameters',
    ]);
  });

  test.each(['w.caffemodel', 'w.caffemodel.h5'])(
    '%s: shared parameters come back in both formats',
    async (file) => {
      const shared = build(readFileSync(fixture('weights/shared/net.prototxt'), 'utf8'));
      const expected = tensors(
        'weights/shared/values.f32',
        json<{ params: Tensor[] }>('weights/shared/values.json').params,
      );
      const values = sevens(shared);
      copyWeights(shared, values, await readWeights(fixture(`weights/shared/${file}`)));
      expect(new Set(Object.values(outcome(shared, values, expected)))).toEqual(new Set(['copied']));
    },
  );

  test.each(['era-v0.caffemodel', 'era-v1.caffemodel', 'era-v2.caffemodel', 'era-v2.caffemodel.h5'])(
    '%s: the weights of every era reach a net of today',
    async (file) => {
      const era = build(readFileSync(fixture('interop/era-v2.prototxt'), 'utf8'));
      const expected = tensors('interop/era.f32', json<{ params: Tensor[] }>('interop/era.json').params);
      const values = sevens(era);
      copyWeights(era, values, await readWeights(fixture(`interop/${file}`)));
      expect(new Set(Object.values(outcome(era, values, expected)))).toEqual(new Set(['copied']));
    },
  );
});

describe('blob files', () => {
  test('mean.binaryproto', async () => {
    const [mean] = json<{ mean: Tensor[] }>('interop/mean.json').mean;
    const { shape, data } = await readBlobFile(fixture('interop/mean.binaryproto'));
    expect(shape).toEqual(mean?.shape);
    expect(data).toEqual(tensors('interop/mean.f32', mean ? [mean] : []).get('mean'));
  });

  test('a blob of doubles becomes float32', async () => {
    const stored = await readMessage('BlobProto', fixture('interop/double.binaryproto'));
    const { shape, data } = await readBlobFile(fixture('interop/double.binaryproto'));
    expect(data).toBeInstanceOf(Float32Array);
    expect(data).toEqual(Float32Array.from(stored.double_data));
    expect(countOf(shape)).toBe(data.length);
  });
});

interface SolverCase {
  net: string;
}

const solverNet = (name: string) => build(json<SolverCase>(`solvers/${name}/case.json`).net, 'TRAIN');

async function loaded(name: string, file: string): Promise<{ made: Net; values: Float32Array[] }> {
  const made = solverNet(name);
  const values = sevens(made);
  const { untouched } = copyWeights(made, values, await readWeights(fixture(`solvers/${name}/${file}`)));
  expect(untouched).toEqual([]);
  return { made, values };
}

describe('writing', () => {
  const binary = [
    'sgd-fixed',
    'sgd-shared-weights',
    'rmsprop-inv-bn',
    'adam-fixed',
    'nesterov-multistep-lstm',
    'sgd-parameter-iter2',
  ];

  test.each(binary)('%s: a caffemodel is written byte for byte as Caffe wrote it', async (name) => {
    const original = fixture(`solvers/${name}/snap_iter_10.caffemodel`);
    const { made, values } = await loaded(name, 'snap_iter_10.caffemodel');
    const ours = netWithWeights(made, { data: values });
    expect(printText(ours)).toBe(printText(await readMessage('NetParameter', original)));
    const file = join(scratch, `${name}.caffemodel`);
    await writeWeights(file, made, { data: values }, 'binary');
    expect(readFileSync(file)).toEqual(readFileSync(original));
  });

  test.each(['sgd-fixed', 'sgd-shared-weights', 'rmsprop-inv-bn'])(
    '%s: HDF5 gives the same weights back',
    async (name) => {
      const { made, values } = await loaded(name, 'snap_iter_10.caffemodel');
      const file = join(scratch, `${name}.caffemodel.h5`);
      await writeWeights(file, made, { data: values, diff: values }, 'hdf5');
      const read = await readWeights(file);
      const again = sevens(made);
      expect(copyWeights(made, again, read).untouched).toEqual([]);
      expect(again).toEqual(values);
      expect(read.layers.flatMap(({ blobs }) => blobs.map((blob) => blob && [blob.data, blob.diff]))).toEqual(
        read.layers.flatMap(({ blobs }) => blobs.map((blob) => blob && [blob.data, blob.data])),
      );
    },
  );

  test('a caffemodel.h5 has the groups and data sets that Caffe writes', async () => {
    const original = await readWeights(fixture('solvers/sgd-hdf5-snapshots/snap_iter_10.caffemodel.h5'));
    const { made, values } = await loaded('sgd-hdf5-snapshots', 'snap_iter_10.caffemodel.h5');
    const file = join(scratch, 'snapshot.caffemodel.h5');
    await writeWeights(file, made, { data: values }, 'hdf5');
    expect((await readWeights(file)).layers).toEqual(original.layers);
  });

  test('a shared parameter stands in HDF5 once, with its owner', async () => {
    const shared = build(readFileSync(fixture('weights/shared/net.prototxt'), 'utf8'));
    const file = join(scratch, 'shared.caffemodel.h5');
    await writeWeights(file, shared, { data: sevens(shared) }, 'hdf5');
    const { layers } = await readWeights(file);
    const listed = layers.flatMap(({ name, blobs }) =>
      blobs.flatMap((blob, i) => (blob ? [[`data/${name}/${i}`, blob.shape]] : [])),
    );
    expect(listed).toEqual(json<{ hdf5: unknown }>('weights/shared/values.json').hdf5);
  });

  test('layer names that HDF5 cannot hold are refused before a file is made', async () => {
    const input = 'layer { name: "a/b" type: "Input" top: "x" input_param { shape { dim: 1 } } }';
    const file = join(scratch, 'slash.caffemodel.h5');
    await expect(writeWeights(file, build(input), { data: [] }, 'hdf5')).rejects.toThrow(
      "HDF5 cannot hold a layer named 'a/b'",
    );
    expect(readdirSync(scratch)).not.toContain('slash.caffemodel.h5');
  });
});

describe('solver states', () => {
  test.each(['sgd-fixed', 'adam-fixed', 'adadelta-fixed'])(
    '%s: a solverstate is written byte for byte as Caffe wrote it',
    async (name) => {
      const original = fixture(`solvers/${name}/snap_iter_10.solverstate`);
      const state = await readSolverState(original);
      expect(state.iter).toBe(10);
      const file = join(scratch, `${name}.solverstate`);
      const history = state.history.map(({ shape, data }) => ({ shape, data: Float32Array.from(data) }));
      await writeSolverState(file, { ...state, history }, 'binary');
      expect(readFileSync(file)).toEqual(readFileSync(original));
    },
  );

  test("Caffe's solverstate.h5 is read, and ours reads back the same", async () => {
    const state = await readSolverState(fixture('solvers/sgd-hdf5-snapshots/snap_iter_10.solverstate.h5'));
    expect(state).toMatchObject({ iter: 10, currentStep: 0, learnedNet: 'snap_iter_10.caffemodel.h5' });
    const file = join(scratch, 'ours.solverstate.h5');
    const history = state.history.map(({ shape, data }) => ({ shape, data: Float32Array.from(data) }));
    await writeSolverState(file, { ...state, history }, 'hdf5');
    expect(await readSolverState(file)).toEqual(state);
    const shapes = solverNet('sgd-hdf5-snapshots').learnable.map(({ shape }) => shape);
    expect(solverHistory(state, shapes, file)).toEqual(history.map(({ data }) => data));
  });

  test('the state of another net is refused with both shapes', async () => {
    const state = await readSolverState(fixture('solvers/sgd-fixed/snap_iter_10.solverstate'));
    const shapes = solverNet('sgd-fixed').learnable.map(({ shape }) => shape);
    expect(solverHistory(state, shapes, 'x')).toHaveLength(shapes.length);
    expect(() => solverHistory(state, [...shapes, [1]], 'x.solverstate')).toThrow(
      `x.solverstate: the solverstate of another net or solver: its history has ${shapes.length} blobs, this solver ${shapes.length + 1}`,
    );
    expect(() => solverHistory(state, [[6, 3, 3, 4], ...shapes.slice(1)], 'x')).toThrow(
      "history blob 0 has the shape 6 3 3 3 (162), the net's parameter 6 3 3 4 (216)",
    );
  });

  test('a caffemodel in place of a solverstate is refused', async () => {
    await expect(readSolverState(fixture('solvers/sgd-fixed/snap_iter_10.caffemodel'))).rejects.toThrow(
      CaffeFormatError,
    );
  });
});

describe('files that cannot be read', () => {
  test('a missing file', async () => {
    await expect(readWeights(join(scratch, 'none.caffemodel'))).rejects.toThrow(
      /none\.caffemodel: no such file/,
    );
    await expect(readWeights(join(scratch, 'none.caffemodel'))).rejects.toBeInstanceOf(CaffeFileError);
  });

  test('a directory', async () => {
    await expect(readWeights(scratch)).rejects.toThrow('is a directory');
  });

  test('a file of more than 2 GiB is refused without reading it', async () => {
    const file = join(scratch, 'large.caffemodel');
    writeFileSync(file, '');
    // Sparse: it takes no room.
    truncateSync(file, 2 ** 31);
    await expect(readWeights(file)).rejects.toThrow(/large\.caffemodel: 2147483648 bytes; .*2 GiB/);
  });

  test('truncated and corrupt HDF5 files', async () => {
    const whole = readFileSync(fixture('weights/plain.caffemodel.h5'));
    const file = join(scratch, 'cut.caffemodel.h5');
    for (const length of [8, 100, 2000, whole.length - 100]) {
      writeFileSync(file, whole.subarray(0, length));
      await expect(readWeights(file)).rejects.toThrow(/cut\.caffemodel\.h5: .*corrupt/);
    }
  });

  test('an HDF5 file that is not a caffemodel', async () => {
    await expect(
      readWeights(fixture('solvers/sgd-hdf5-snapshots/snap_iter_10.solverstate.h5')),
    ).rejects.toThrow("has no group 'data' (it has current_step, history, iter, learned_net)");
    await expect(readSolverState(fixture('weights/plain.caffemodel.h5'))).rejects.toThrow(
      "has no group 'history'",
    );
  });

  test('a caffemodel that a foreign tool wrote twice over is the same file again', async () => {
    const message = await readMessage('NetParameter', fixture('weights/plain.caffemodel'));
    expect(encodeMessage(message)).toEqual(new Uint8Array(readFileSync(fixture('weights/plain.caffemodel'))));
  });
});
