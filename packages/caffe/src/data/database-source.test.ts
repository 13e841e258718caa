import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClassicLevel } from 'classic-level';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeMessage } from '../binary/encode.js';
import { CaffeFileError, CaffeFormatError, CaffeNetError } from '../errors.js';
import { create } from '../schema/message.js';
import type { MessageInit } from '../schema/message.js';
import type { Datum, LayerParameter } from '../schema/messages.js';
import { parseText } from '../text/parse.js';
import { DataShapeError } from './errors.js';
import { openBatchSource } from './open.js';

const stores = fileURLToPath(new URL('../../fixtures/stores/', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softxent-data-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function datum(init: MessageInit<Datum>): Uint8Array {
  return encodeMessage(create('Datum', init));
}

let databases = 0;

/** The name of a new LevelDB database with these rows. */
async function database(...rows: Uint8Array[]): Promise<string> {
  const name = `db${databases++}`;
  const level = new ClassicLevel<string, Uint8Array>(join(folder, name), { valueEncoding: 'view' });
  await level.open();
  for (const [i, row] of rows.entries()) await level.put(`row${i}`, row);
  await level.close();
  return name;
}

function layer(
  source: string,
  init: MessageInit<LayerParameter['data_param']> = {},
  tops = ['data'],
): LayerParameter {
  return create('LayerParameter', {
    name: 'in',
    type: 'Data',
    top: tops,
    data_param: create('DataParameter', { source, batch_size: 2, ...init }),
  });
}

const good = datum({ channels: 1, height: 1, width: 2, data: Uint8Array.of(7, 9), label: 3 });

describe('a row that cannot be used is refused by database and key', () => {
  test.each<
    [string, () => Uint8Array | Promise<Uint8Array>, typeof CaffeFormatError | typeof DataShapeError, RegExp]
  >([
    ['no datum', () => Uint8Array.of(0xff, 0xff, 0xff), CaffeFormatError, /key 'row1': not a Datum/],
    [
      'nothing',
      () => Uint8Array.of(),
      CaffeFormatError,
      /key 'row1': found a datum of 0x0x0, expected positive numbers/,
    ],
    [
      'too few bytes',
      () => datum({ channels: 1, height: 1, width: 2, data: Uint8Array.of(7) }),
      CaffeFormatError,
      /key 'row1': found 1 bytes in a datum of 1x1x2, expected 2/,
    ],
    [
      'too many floats',
      () => datum({ channels: 1, height: 1, width: 2, float_data: [1, 2, 3] }),
      CaffeFormatError,
      /key 'row1': found 3 floats in a datum of 1x1x2, expected 2/,
    ],
    [
      'another shape',
      () => datum({ channels: 1, height: 2, width: 1, data: Uint8Array.of(7, 9) }),
      DataShapeError,
      /key 'row1': found 1x2x1, expected 1x1x2 as in the first row of the batch/,
    ],
    [
      'no image',
      () => datum({ encoded: true, data: Uint8Array.of(1, 2, 3) }),
      CaffeFormatError,
      /key 'row1': not a readable image/,
    ],
    [
      'an image of 16 bits',
      async () => {
        const deep = sharp(Uint16Array.of(1, 2), { raw: { width: 2, height: 1, channels: 1 } });
        return datum({ encoded: true, data: await deep.toColourspace('grey16').png().toBuffer() });
      },
      CaffeFormatError,
      /key 'row1': found an encoded image of 16 bits, expected 8/,
    ],
  ])('%s', async (_what, make, type, message) => {
    const source = await openBatchSource(layer(await database(good, await make())), {
      phase: 'TEST',
      folder,
    });
    const attempt = source.next();
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
    await source.close();
  });

  test('a grey image among colour ones, which force_color makes fit', async () => {
    const params = layer('lmdb-imageset-encoded', { backend: 'LMDB', batch_size: 5 });
    const source = await openBatchSource(params, { phase: 'TEST', folder: stores });
    await expect(source.next()).rejects.toThrow(/key '00000004_grey\.png': found 1x7x9, expected 3x7x9/);
    await source.close();
  });
});

test('the number of rows is known once they have been read', async () => {
  const source = await openBatchSource(layer(await database(good, good, good), {}, ['data', 'label']), {
    phase: 'TEST',
    folder,
  });
  expect(source.length).toBeUndefined();
  await source.next();
  const batch = await source.next();
  expect(source.length).toBe(3);
  expect(batch.get('label')!.data).toEqual(Float32Array.of(3, 3));
  await source.close();
});

describe('a layer that makes no sense is refused by name, type and line', () => {
  test.each<
    [string, LayerParameter, typeof CaffeNetError | typeof CaffeFileError | typeof CaffeFormatError, RegExp]
  >([
    ['no source', layer(''), CaffeNetError, /layer 'in' \(Data\): data_param has no source/],
    [
      'no batch',
      layer('x', { batch_size: 0 }),
      CaffeNetError,
      /found batch_size: 0, expected a positive number/,
    ],
    ['three tops', layer('x', {}, ['a', 'b', 'c']), CaffeNetError, /found 3 top blobs, expected 1 or 2/],
    ['no database', layer('none'), CaffeFileError, /none: no such LevelDB database/],
  ])('%s', async (_what, params, type, message) => {
    const attempt = openBatchSource(params, { phase: 'TEST', folder });
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
  });

  test('an empty database', async () => {
    const attempt = openBatchSource(layer(await database()), { phase: 'TEST', folder });
    await expect(attempt).rejects.toThrow(CaffeFormatError);
    await expect(attempt).rejects.toThrow(/the database holds no rows/);
  });

  test('a layer that is no input layer, with its line', async () => {
    const net = parseText('NetParameter', '\nlayer { name: "c" type: "Convolution" }', {
      file: 'net.prototxt',
    });
    const attempt = openBatchSource(net.layer[0]!, { phase: 'TEST' });
    await expect(attempt).rejects.toThrow(
      /^net\.prototxt:2: layer 'c' \(Convolution\): has no data to read; the layers/,
    );
  });
});

test('rand_skip, which Caffe 1.0 ignores, is said to have no effect', async () => {
  const warnings: string[] = [];
  const source = await openBatchSource(layer(await database(good), { rand_skip: 5 }), {
    phase: 'TRAIN',
    folder,
    warn: (message) => warnings.push(message),
  });
  expect(warnings).toEqual([expect.stringContaining('rand_skip has no effect')]);
  await source.close();
});
