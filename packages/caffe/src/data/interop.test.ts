// Data written by LMDB, LevelDB and h5py with known contents.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { create } from '../schema/message.js';
import type { DataParameterDB } from '../schema/messages.js';
import { readHdf5Datasets } from './hdf5-file.js';
import { openBatchSource } from './open.js';
import { readMeanImage } from './transform.js';

const folder = fileURLToPath(new URL('../../fixtures/interop/', import.meta.url));

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

function load(name: string, key: string): { name: string; shape: readonly number[]; data: Float32Array }[] {
  const json = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as Record<string, Tensor[]>;
  const bytes = readFileSync(`${folder}${name}.f32`);
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return json[key]!.map(({ name: tensor, shape, offset }) => ({
    name: tensor,
    shape,
    data: floats.slice(offset, offset + shape.reduce((a, b) => a * b, 1)),
  }));
}

describe.each<[DataParameterDB, string]>([
  ['LMDB', 'lmdb'],
  ['LEVELDB', 'leveldb'],
])('%s', (backend, source) => {
  test('bytes, floats and an encoded PNG are read alike', async () => {
    const layer = create('LayerParameter', {
      type: 'Data',
      top: ['data', 'label'],
      data_param: create('DataParameter', { source, backend, batch_size: 6 }),
    });
    const batches = await openBatchSource(layer, { phase: 'TEST', folder });
    const batch = await batches.next();
    await batches.close();
    const [values] = load('datums', 'values');
    // Rows 3 and 4 are stored as floats, divided by 255.
    const size = values!.data.length / 6;
    const expected = values!.data.map((value, i) => (i >= 3 * size && i < 5 * size ? value / 255 : value));
    expect(batch.get('data')).toEqual({ shape: values!.shape, data: expected });
    expect(batch.get('label')!.data).toEqual(Float32Array.of(0, 1, 2, 0, 1, 2));
  });
});

test.each(['soft.h5', 'soft-gzip.h5'])('%s holds the data sets it was made with', async (file) => {
  const expected = load('soft', 'datasets');
  const found = await readHdf5Datasets(`${folder}${file}`, ['data', 'label']);
  expect([...found].map(([name, tensor]) => ({ name, ...tensor }))).toEqual(expected);
});

test('a mean image is read', async () => {
  const [expected] = load('mean', 'mean');
  const { channels, height, width, data } = await readMeanImage(`${folder}mean.binaryproto`);
  expect([1, channels, height, width]).toEqual(expected!.shape);
  expect(data).toEqual(expected!.data);
});
