// Batches computed by BVLC Caffe 1.0 (CPU, OpenBLAS).
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { create } from '../schema/message.js';
import type { LayerParameter, Phase } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { memorySource } from './memory-source.js';
import { openBatchSource } from './open.js';
import { prefetch } from './prefetch.js';
import type { Batch, BatchSource } from './source.js';

const folder = new URL('../../fixtures/data-layers/', import.meta.url);
const stores = fileURLToPath(new URL('../../fixtures/stores/', import.meta.url));

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

interface Fixture {
  readonly name: string;
  readonly layer: string;
  readonly phase: Phase;
  readonly batches: readonly (readonly Tensor[])[];
  readonly given: readonly Tensor[];
  values(tensor: Tensor): Float32Array;
}

function load(file: string): Fixture {
  const json = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, unknown>;
  const bytes = readFileSync(new URL(file.replace('.json', '.f32'), folder));
  const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const batches: Tensor[][] = [];
  while (json[`batch${batches.length}`]) batches.push(json[`batch${batches.length}`] as Tensor[]);
  return {
    name: json['name'] as string,
    layer: json['layer'] as string,
    phase: json['phase'] as Phase,
    batches,
    given: (json['given'] ?? []) as Tensor[],
    values: ({ shape, offset }) => floats.slice(offset, offset + shape.reduce((a, b) => a * b, 1)),
  };
}

const fixtures = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map(load);

function layerOf({ layer, batches }: Fixture): LayerParameter {
  const net = parseText('NetParameter', layer, { file: 'fixture' });
  const [parsed] = net.layer;
  return Object.assign(parsed!, { name: 'data', top: batches[0]!.map(({ name }) => name) });
}

async function open(fixture: Fixture): Promise<BatchSource> {
  const layer = layerOf(fixture);
  if (layer.type !== 'MemoryData') return openBatchSource(layer, { phase: fixture.phase, folder: stores });
  const [data, labels] = fixture.given.map((tensor) => fixture.values(tensor));
  return memorySource(layer, { data: data!, labels: labels! });
}

/** Closes the source once that many batches are read. */
async function readBatches(source: BatchSource, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  try {
    while (batches.length < count) batches.push(await source.next());
  } finally {
    await source.close();
  }
  return batches;
}

function expectedBatches(fixture: Fixture): Batch[] {
  return fixture.batches.map(
    (batch) =>
      new Map(batch.map((tensor) => [tensor.name, { shape: tensor.shape, data: fixture.values(tensor) }])),
  );
}

test('there are fixtures for every layer type', () => {
  const types = new Set(fixtures.map((fixture) => layerOf(fixture).type));
  expect([...types].toSorted()).toEqual(['Data', 'DummyData', 'HDF5Data', 'ImageData', 'MemoryData']);
});

describe.each(fixtures)('$name', (fixture) => {
  test('gives the batches that Caffe gives, to the bit', async () => {
    const source = await open(fixture);
    expect([...source.tops]).toEqual(fixture.batches[0]!.map(({ name, shape }) => [name, shape]));
    expect(await readBatches(source, fixture.batches.length)).toEqual(expectedBatches(fixture));
  });

  test('gives the same when it reads ahead', async () => {
    const source = prefetch(await open(fixture), 2);
    expect(await readBatches(source, fixture.batches.length)).toEqual(expectedBatches(fixture));
  });
});

test.each(fixtures.filter(({ batches }) => batches.length > 1))(
  '$name goes on after batches that are passed over as if they had been read',
  async (fixture) => {
    const source = await open(fixture);
    await source.skip(1);
    expect(await readBatches(source, fixture.batches.length - 1)).toEqual(expectedBatches(fixture).slice(1));
  },
);

test('a layer may be made by a program', async () => {
  const layer = create('LayerParameter', {
    type: 'Data',
    top: ['data'],
    data_param: create('DataParameter', { source: 'lmdb-imageset', batch_size: 5, backend: 'LMDB' }),
  });
  const source = await openBatchSource(layer, { phase: 'TEST', folder: stores });
  expect((await source.next()).get('data')!.shape).toEqual([5, 3, 7, 9]);
  await source.close();
});
