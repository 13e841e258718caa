import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { File as Hdf5File, ready } from 'h5wasm/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError, CaffeNetError } from '../errors.js';
import { create } from '../schema/message.js';
import type { MessageInit } from '../schema/message.js';
import type { LayerParameter } from '../schema/messages.js';
import { DataShapeError, ListEntryError } from './errors.js';
import { readHdf5Datasets } from './hdf5-file.js';
import { openBatchSource } from './open.js';

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));

type Values = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array | string[];

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softxent-hdf5-'));
  await ready;
  write('a.h5', {
    data: [Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]],
    label: [Float32Array.of(0, 0.5, 1), [3]],
  });
  write('b.h5', { data: [Float32Array.of(7, 8, 9, 10), [2, 2]], label: [Float32Array.of(0.25, 0.75), [2]] });
  write('wide.h5', { data: [Float32Array.of(7, 8, 9), [1, 3]], label: [Float32Array.of(0), [1]] });
  write('uneven.h5', { data: [Float32Array.of(7, 8), [1, 2]], label: [Float32Array.of(0, 1), [2]] });
  write('text.h5', { data: [['a', 'b'], [2]], label: [Float32Array.of(0, 1), [2]] });
  writeFileSync(join(folder, 'garbage.h5'), 'nothing of the kind'.repeat(100));
  writeFileSync(join(folder, 'short.h5'), readFileSync(join(folder, 'a.h5')).subarray(0, 1000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, sets: Record<string, [data: Values, shape: number[]]>): void {
  const file = new Hdf5File(join(folder, name), 'w');
  for (const [set, [data, shape]] of Object.entries(sets)) file.create_dataset({ name: set, data, shape });
  file.close();
}

function layer(files: string[], init: MessageInit<LayerParameter['hdf5_data_param']> = {}): LayerParameter {
  const list = join(folder, `${files.join('-').replaceAll(/\W/g, '_')}.txt`);
  writeFileSync(list, `${files.join('\n')}\n`);
  return create('LayerParameter', {
    name: 'in',
    type: 'HDF5Data',
    top: ['data', 'label'],
    hdf5_data_param: create('HDF5DataParameter', { source: list, batch_size: 2, ...init }),
  });
}

async function labels(params: LayerParameter, batches: number, seed = 0): Promise<number[]> {
  const source = await openBatchSource(params, { phase: 'TRAIN', folder, seed });
  const found: number[] = [];
  for (let i = 0; i < batches; i++) found.push(...(await source.next()).get('label')!.data);
  await source.close();
  return found;
}

describe('numbers of every kind are read as float32', () => {
  test.each<[string, Values, number[]]>([
    ['float64', Float64Array.of(0.1, -2, 1e300), [0.10000000149011612, -2, Infinity]],
    ['int32', Int32Array.of(-1, 0, 16777217), [-1, 0, 16777216]],
    ['uint8', Uint8Array.of(0, 128, 255), [0, 128, 255]],
    ['int64', BigInt64Array.of(-5n, 0n, 9007199254740993n), [-5, 0, 9007199254740992]],
  ])('%s', async (name, data, expected) => {
    write(`${name}.h5`, { data: [data, [3]] });
    const found = await readHdf5Datasets(join(folder, `${name}.h5`), ['data']);
    expect(found.get('data')).toEqual({ shape: [3], data: Float32Array.from(expected) });
  });

  test('big-endian', async () => {
    const bytes = readFileSync(join(fixtures, 'stores', 'integers.h5'));
    const little = (await readHdf5Datasets(join(fixtures, 'stores', 'integers.h5'), ['data'])).get('data')!;
    // The message of the type: class and version, flags (bit 0: big-endian), size 4, offset 0, 32 bits.
    const at = bytes.indexOf(Buffer.from('100800000400000000002000', 'hex'));
    bytes[at + 1] = 9;
    const words = Buffer.from(Int32Array.from(little.data).buffer);
    const start = bytes.indexOf(words);
    expect(start).toBeGreaterThan(0);
    words.swap32().copy(bytes, start);
    writeFileSync(join(folder, 'big.h5'), bytes);
    expect((await readHdf5Datasets(join(folder, 'big.h5'), ['data'])).get('data')).toEqual(little);
  });

  test('packed with gzip, in chunks', async () => {
    const data = Float32Array.from({ length: 60 }, (_, i) => i / 7);
    const file = new Hdf5File(join(folder, 'gzip.h5'), 'w');
    file.create_dataset({ name: 'data', data, shape: [10, 6], chunks: [3, 4], compression: 6 });
    file.close();
    expect((await readHdf5Datasets(join(folder, 'gzip.h5'), ['data'])).get('data')).toEqual({
      shape: [10, 6],
      data,
    });
  });
});

describe('shuffling', () => {
  const all = [0, 0.25, 0.5, 0.75, 1];

  test('gives every row once in a round, file by file, in another order every round', async () => {
    const params = layer(['a.h5', 'b.h5'], { shuffle: true, batch_size: 5 });
    const found = await labels(params, 40);
    const rounds = Array.from({ length: 40 }, (_, i) => found.slice(5 * i, 5 * i + 5));
    for (const round of rounds) expect(round.toSorted((a, b) => a - b)).toEqual(all);
    const ofB = (value: number): boolean => value === 0.25 || value === 0.75;
    const together = rounds.filter((round) =>
      [round.slice(0, 2), round.slice(3)].some((part) => part.every(ofB)),
    );
    expect(together.length).toBe(rounds.length);
    expect(new Set(rounds.map((round) => round.join())).size).toBeGreaterThan(10);
  });

  test('gives the same order for the same seed, another for another', async () => {
    const params = layer(['a.h5', 'b.h5'], { shuffle: true });
    const found = await labels(params, 10, 3);
    expect(await labels(params, 10, 3)).toEqual(found);
    expect(await labels(params, 10, 4)).not.toEqual(found);
  });

  test('goes on after batches that are passed over as if they had been read', async () => {
    const params = layer(['a.h5', 'b.h5'], { shuffle: true });
    const found = await labels(params, 12, 5);
    const source = await openBatchSource(params, { phase: 'TRAIN', folder, seed: 5 });
    await source.skip(7);
    expect([...(await source.next()).get('label')!.data]).toEqual(found.slice(14, 16));
    await source.close();
  });

  test('a single file gets another order every round', async () => {
    const found = await labels(layer(['a.h5'], { shuffle: true, batch_size: 3 }), 20);
    const rounds = Array.from({ length: 20 }, (_, i) => found.slice(3 * i, 3 * i + 3));
    for (const round of rounds) expect(round.toSorted((a, b) => a - b)).toEqual([0, 0.5, 1]);
    expect(new Set(rounds.map((round) => round.join())).size).toBe(6);
  });
});

test('the number of rows is known once every file has been read', async () => {
  const source = await openBatchSource(layer(['a.h5', 'b.h5']), { phase: 'TEST', folder });
  expect(source.length).toBeUndefined();
  await source.next();
  await source.next();
  expect(source.length).toBe(5);
  await source.close();
});

describe('what cannot be used is refused by name', () => {
  test.each([
    [
      'a file that is missing',
      layer.bind(undefined, ['a.h5', 'none.h5']),
      ListEntryError,
      /\.txt:2: no such file: .*none/,
    ],
    [
      'no HDF5 file',
      layer.bind(undefined, ['garbage.h5']),
      CaffeFormatError,
      /garbage\.h5: not a readable HDF5 file.* \(file signature not found\)/,
    ],
    [
      'a truncated file',
      layer.bind(undefined, ['short.h5']),
      CaffeFormatError,
      /short\.h5: not a readable HDF5 file.* \(truncated file/,
    ],
    [
      'no numbers',
      layer.bind(undefined, ['text.h5']),
      CaffeFormatError,
      /text\.h5: data set 'data' holds no numbers/,
    ],
    [
      'rows that do not match',
      layer.bind(undefined, ['uneven.h5']),
      DataShapeError,
      /'label': found 2 rows, expected 1 as in 'data'/,
    ],
    [
      'no batch size',
      layer.bind(undefined, ['a.h5'], { batch_size: 0 }),
      CaffeNetError,
      /layer 'in' \(HDF5Data\): found batch_size: 0/,
    ],
    ['no source', layer.bind(undefined, ['a.h5'], { source: '' }), CaffeNetError, /no source/],
    [
      'a list that is missing',
      layer.bind(undefined, ['a.h5'], { source: 'none.txt' }),
      CaffeFileError,
      /none\.txt: no such list file/,
    ],
  ])('%s', async (_what, make, type, message) => {
    const attempt = openBatchSource(make(), { phase: 'TEST', folder });
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
  });

  test('a top without a data set', async () => {
    const params = Object.assign(layer(['a.h5']), { top: ['data', 'weights'] });
    const attempt = openBatchSource(params, { phase: 'TEST', folder });
    await expect(attempt).rejects.toThrow(/a\.h5: has no data set 'weights' \(it has data, label\)/);
  });

  test('a second file with rows of another shape', async () => {
    const source = await openBatchSource(layer(['a.h5', 'wide.h5'], { batch_size: 3 }), {
      phase: 'TEST',
      folder,
    });
    await source.next();
    await expect(source.next()).rejects.toThrow(
      /wide\.h5, data set 'data': found rows of 3, expected 2 as in the first file/,
    );
    await source.close();
  });

  test('a transform_param, which Caffe refuses too', async () => {
    const params = Object.assign(layer(['a.h5']), {
      transform_param: create('TransformationParameter', { scale: 2 }),
    });
    await expect(openBatchSource(params, { phase: 'TEST', folder })).rejects.toThrow(
      /HDF5Data transforms nothing/,
    );
  });
});
