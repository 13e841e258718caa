import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError, CaffeNetError } from '../errors.js';
import { create } from '../schema/message.js';
import type { MessageInit } from '../schema/message.js';
import type { LayerParameter, Phase } from '../schema/messages.js';
import { DataShapeError, ListEntryError } from './errors.js';
import type { SoftLabelFolderOptions } from './folder-source.js';
import { openSoftLabelFolder, softLabelPairs } from './folder-source.js';
import { openBatchSource } from './open.js';
import type { Batch, BatchSource } from './source.js';

const height = 6;
const width = 8;

/** Picture i: the pixel at (y, x) is blue 16 i, green y, red x; its label 10 y + x, of 16 bits 1000 y + x for picture 2. */
function picture(i: number): Buffer {
  return Buffer.from(
    Array.from({ length: height * width }, (_, at) => [at % width, Math.floor(at / width), 16 * i]).flat(),
  );
}

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softxent-pairs-'));
  mkdirSync(join(folder, 'images'));
  mkdirSync(join(folder, 'soft'));
  for (const i of [0, 1, 2, 3, 4]) {
    const raw = { width, height, channels: 3 as const };
    await sharp(picture(i), { raw })
      .png()
      .toFile(join(folder, 'images', `p${i}.png`));
    const deep = i === 2;
    const levels = Array.from({ length: height * width }, (_, at) =>
      deep ? 1000 * Math.floor(at / width) + (at % width) : 10 * Math.floor(at / width) + (at % width),
    );
    const label = sharp(deep ? Uint16Array.from(levels) : Uint8Array.from(levels), {
      raw: { width, height, channels: 1 },
    });
    await label
      .toColourspace(deep ? 'grey16' : 'b-w')
      .png()
      .toFile(join(folder, 'soft', `p${i}.png`));
  }
  const small = sharp(Buffer.alloc(3 * 3), { raw: { width: 3, height: 3, channels: 1 } });
  await small.png().toFile(join(folder, 'small.png'));
  list(
    'list.txt',
    [0, 1, 2, 3, 4].map((i) => `p${i}.png ../soft/p${i}.png`),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function list(name: string, lines: string[]): void {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
}

type Init = MessageInit<LayerParameter['image_data_param']>;

function labelmapLayer(
  init: Init = {},
  transform: MessageInit<LayerParameter['transform_param']> = {},
): LayerParameter {
  return create('LayerParameter', {
    name: 'in',
    type: 'ImageLabelmapData',
    top: ['data', 'label'],
    image_data_param: create('ImageDataParameter', {
      source: 'list.txt',
      root_folder: 'images/',
      batch_size: 2,
      ...init,
    }),
    transform_param: create('TransformationParameter', transform),
  });
}

function openList(layer: LayerParameter, phase: Phase = 'TRAIN', seed = 0): Promise<BatchSource> {
  return openBatchSource(layer, { phase, folder, seed });
}

function openFolder(options: Partial<SoftLabelFolderOptions> = {}): Promise<BatchSource> {
  return openSoftLabelFolder({ folder, batchSize: 2, phase: 'TRAIN', ...options });
}

/** What a batch shows, item by item: which picture, from where, flipped or not; and whether the label is that of the pixels. */
function seen(
  batch: Batch,
): { picture: number; top: number; left: number; flipped: boolean; labelFits: boolean }[] {
  const data = batch.get('data')!;
  const label = batch.get('label')!;
  const [count, , h, w] = data.shape as [number, number, number, number];
  return Array.from({ length: count }, (_, i) => {
    const plane = h * w;
    const at = (channel: number, p: number): number => data.data[(3 * i + channel) * plane + p]!;
    const index = at(0, 0) / 16;
    const fits = Array.from({ length: plane }, (_unused, p) => {
      const level = index === 2 ? (1000 * at(1, p) + at(2, p)) / 65535 : (10 * at(1, p) + at(2, p)) / 255;
      return label.data[i * plane + p] === Math.fround(level);
    });
    return {
      picture: index,
      top: at(1, 0),
      left: Math.min(at(2, 0), at(2, w - 1)),
      flipped: at(2, 0) > at(2, w - 1),
      labelFits: fits.every(Boolean),
    };
  });
}

async function read(source: BatchSource, batches: number): Promise<Batch[]> {
  const result: Batch[] = [];
  for (let i = 0; i < batches; i++) result.push(await source.next());
  await source.close();
  return result;
}

describe.each([
  [
    'a list',
    (phase: Phase, seed: number) =>
      openList(labelmapLayer({ shuffle: true }, { crop_size: 4, mirror: true }), phase, seed),
  ],
  ['a folder', (phase: Phase, seed: number) => openFolder({ crop: { height: 4, width: 4 }, phase, seed })],
])('pairs of %s', (_what, open) => {
  test('are cropped and flipped together, and labels are grey levels / 255 or / 65535', async () => {
    const source = await open('TRAIN', 1);
    expect([...source.tops]).toEqual([
      ['data', [2, 3, 4, 4]],
      ['label', [2, 1, 4, 4]],
    ]);
    const items = (await read(source, 100)).flatMap(seen);
    expect(items.every(({ labelFits }) => labelFits)).toBe(true);
    expect(new Set(items.map(({ picture: index }) => index)).size).toBe(5);
    expect(new Set(items.map(({ top, left, flipped }) => `${top},${left},${flipped}`)).size).toBe(3 * 5 * 2);
  });

  test('come once in every round', async () => {
    const items = (await read(await open('TRAIN', 2), 50)).flatMap(seen).map(({ picture: index }) => index);
    const rounds = Array.from({ length: 20 }, (_, i) => items.slice(5 * i, 5 * i + 5));
    for (const round of rounds) expect(round.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(rounds.map((round) => round.join())).size).toBeGreaterThan(10);
  });

  test('are the same for the same seed, and others for another', async () => {
    const first = await read(await open('TRAIN', 3), 5);
    expect(await read(await open('TRAIN', 3), 5)).toEqual(first);
    expect(await read(await open('TRAIN', 4), 5)).not.toEqual(first);
  });

  test('go on after batches that are passed over as if they had been read', async () => {
    const all = await read(await open('TRAIN', 5), 9);
    const source = await open('TRAIN', 5);
    await source.skip(6);
    expect(await read(source, 3)).toEqual(all.slice(6));
  });
});

describe('ImageLabelmapData', () => {
  test('without shuffle goes through the list in order; mean and scale change the pixels, not the labels', async () => {
    const source = await openList(labelmapLayer({ batch_size: 5 }, { mean_value: [1], scale: 0.5 }), 'TEST');
    const [batch] = await read(source, 1);
    const data = batch!.get('data')!;
    expect(data.shape).toEqual([5, 3, height, width]);
    expect([0, 1, 2, 3, 4].map((i) => data.data[i * 3 * height * width])).toEqual([
      -0.5, 7.5, 15.5, 23.5, 31.5,
    ]);
    const label = batch!.get('label')!;
    expect(label.shape).toEqual([5, 1, height, width]);
    expect(label.data[height * width - 1]).toBe(Math.fround(57 / 255));
    expect(label.data[3 * height * width - 1]).toBe(Math.fround(5007 / 65535));
  });

  test('resizes pixels and labels to new_height and new_width', async () => {
    const source = await openList(labelmapLayer({ new_height: 3, new_width: 4, batch_size: 1 }), 'TEST');
    const [batch] = await read(source, 1);
    expect(batch!.get('data')!.shape).toEqual([1, 3, 3, 4]);
    // Half the size: means of two by two labels; the first of 0, 1, 10, 11, rounded half up in levels.
    expect(batch!.get('label')!.data[0]).toBe(Math.fround(6 / 255));
  });

  test('with grey pixels has one channel', async () => {
    const source = await openList(labelmapLayer({ is_color: false }));
    expect(source.tops.get('data')).toEqual([2, 1, height, width]);
  });

  test('rand_skip begins somewhere in the list', async () => {
    const starts = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const [batch] = await read(await openList(labelmapLayer({ rand_skip: 3 }), 'TEST', seed), 1);
      starts.add(seen(batch!)[0]!.picture);
    }
    expect([...starts].toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  });
});

describe('a list that cannot be used is refused by file and line', () => {
  test.each<[string, string[], Init, RegExp]>([
    [
      'missing image',
      ['p0.png ../soft/p0.png', 'none.png ../soft/p0.png'],
      {},
      /list2\.txt:2: no such file: .*images.none\.png$/,
    ],
    [
      'missing labels',
      ['p0.png none0.png', 'p1.png none1.png'],
      {},
      /list2\.txt:1: no such file: .*none0\.png \(and 1 more of the 4 files listed\)/,
    ],
    [
      'odd word',
      ['p0.png ../soft/p0.png', 'p1.png'],
      {},
      /list2\.txt:2: found "p1.png", expected an image file and its label file/,
    ],
    [
      'label of another size',
      ['p0.png ../small.png'],
      {},
      /list2\.txt:1: found a label of 3x3, expected 8x6 as its image/,
    ],
  ])('%s', async (_what, lines, init, message) => {
    list('list2.txt', lines);
    const attempt = openList(labelmapLayer({ source: 'list2.txt', ...init }));
    await expect(attempt).rejects.toThrow(ListEntryError);
    await expect(attempt).rejects.toThrow(message);
  });

  test.each<[string, Init, RegExp]>([
    ['an empty list', { source: 'empty.txt' }, /empty\.txt: the list is empty/],
    ['a missing list', { source: 'none.txt' }, /none\.txt: no such list file/],
  ])('%s', async (_what, init, message) => {
    list('empty.txt', ['', '']);
    const attempt = openList(labelmapLayer(init));
    await expect(attempt).rejects.toThrow(CaffeFileError);
    await expect(attempt).rejects.toThrow(message);
  });

  test.each<[string, Init, RegExp]>([
    ['new_height without new_width', { new_height: 3 }, /found new_height: 3 and new_width: 0/],
    ['no batch', { batch_size: 0 }, /found batch_size: 0/],
    ['skipping beyond the list', { rand_skip: 4000000000 }, /rand_skip: 4000000000 passes over \d+ images/],
  ])('%s', async (_what, init, message) => {
    const attempt = openList(labelmapLayer(init));
    await expect(attempt).rejects.toThrow(CaffeNetError);
    await expect(attempt).rejects.toThrow(message);
  });

  test('images of other sizes in one batch', async () => {
    list('sizes.txt', ['images/p0.png soft/p0.png', 'small.png small.png']);
    const source = await openList(labelmapLayer({ source: 'sizes.txt', root_folder: '' }), 'TEST');
    const attempt = source.next();
    await expect(attempt).rejects.toThrow(DataShapeError);
    await expect(attempt).rejects.toThrow(
      /small\.png: found 3x3x3, expected 3x6x8 as in the first image of the batch/,
    );
  });

  test.each([
    ['no label', 'p0.png', /labels\.txt:1: found "p0.png", expected a file name, a space and a label/],
    [
      'a soft label, which Caffe would cut to 0',
      'p0.png 0.7',
      /labels\.txt:1: found label "0.7", expected a whole number/,
    ],
  ])('ImageData: %s', async (_what, line, message) => {
    list('labels.txt', [line]);
    const layer = Object.assign(labelmapLayer({ source: 'labels.txt' }), { type: 'ImageData' });
    await expect(openList(layer)).rejects.toThrow(message);
  });

  test('ImageData reads names with spaces, negative labels and Windows line ends', async () => {
    copyFileSync(join(folder, 'images', 'p1.png'), join(folder, 'a picture.png'));
    writeFileSync(join(folder, 'labels2.txt'), 'a picture.png -3\r\nimages/p0.png 7\r\n');
    const layer = Object.assign(labelmapLayer({ source: 'labels2.txt', root_folder: '' }), {
      type: 'ImageData',
    });
    const [batch] = await read(await openList(layer, 'TEST'), 1);
    expect([...batch!.get('label')!.data]).toEqual([-3, 7]);
  });
});

describe('a folder of soft labels', () => {
  test('in TEST is read in the order of the names, cropped in the middle, not flipped', async () => {
    const source = await openFolder({ phase: 'TEST', crop: { height: 3, width: 5 }, batchSize: 5 });
    expect(source.length).toBe(5);
    const [batch] = await read(source, 1);
    expect(seen(batch!)).toEqual(
      [0, 1, 2, 3, 4].map((index) => ({ picture: index, top: 1, left: 1, flipped: false, labelFits: true })),
    );
  });

  test('gives whole images without a crop, with mean and scale, under the names asked for', async () => {
    const source = await openFolder({ phase: 'TEST', mean: [8, 0, 0], scale: 2, tops: ['image', 'soft'] });
    const [batch] = await read(source, 1);
    expect(batch!.get('image')!.shape).toEqual([2, 3, height, width]);
    expect(batch!.get('image')!.data[0]).toBe(-16);
    expect(batch!.get('soft')!.shape).toEqual([2, 1, height, width]);
  });

  test('can be grey and need not be flipped', async () => {
    const source = await openFolder({ channels: 1, mirror: false, crop: { height: 2, width: 2 } });
    expect(source.tops.get('data')).toEqual([2, 1, 2, 2]);
    const items = (
      await read(await openFolder({ mirror: false, crop: { height: 2, width: 2 } }), 30)
    ).flatMap(seen);
    expect(items.some(({ flipped }) => flipped)).toBe(false);
  });

  test('a crop larger than an image is an error', async () => {
    const attempt = openFolder({ crop: { height: 7, width: 4 } });
    await expect(attempt).rejects.toThrow(/p\d\.png: found 8x6 pixels, expected at least the crop's 4x7/);
  });

  test('a file without a partner, or two of one name, is an error', async () => {
    const other = mkdtempSync(join(folder, 'other-'));
    await expect(softLabelPairs(other)).rejects.toThrow(/images: no such folder/);
    mkdirSync(join(other, 'images'));
    mkdirSync(join(other, 'soft'));
    await expect(softLabelPairs(other)).rejects.toThrow(/images: holds no images/);
    copyFileSync(join(folder, 'images', 'p0.png'), join(other, 'images', 'a.png'));
    await expect(softLabelPairs(other)).rejects.toThrow(
      /a\.png: has no soft label in the folder soft of the same base name/,
    );
    copyFileSync(join(folder, 'soft', 'p0.png'), join(other, 'soft', 'a.png'));
    copyFileSync(join(folder, 'soft', 'p0.png'), join(other, 'soft', 'b.png'));
    await expect(softLabelPairs(other)).rejects.toThrow(/b\.png: has no image in the folder images/);
    copyFileSync(join(folder, 'images', 'p0.png'), join(other, 'images', 'b.png'));
    expect(await softLabelPairs(other)).toEqual(
      ['a', 'b'].map((name) => ({
        image: join(other, 'images', `${name}.png`),
        label: join(other, 'soft', `${name}.png`),
      })),
    );
    copyFileSync(join(folder, 'images', 'p0.png'), join(other, 'images', 'b.jpg'));
    await expect(softLabelPairs(other)).rejects.toThrow(/images: holds both b\.jpg and b\.png/);
  });

  test('a label in colours is refused, one of three equal channels is grey', async () => {
    const other = mkdtempSync(join(folder, 'colours-'));
    for (const part of ['images', 'soft']) mkdirSync(join(other, part));
    copyFileSync(join(folder, 'images', 'p0.png'), join(other, 'images', 'a.png'));
    const raw = { width, height, channels: 3 as const };
    const label = join(other, 'soft', 'a.png');
    await sharp(Buffer.alloc(3 * height * width, 51), { raw })
      .png()
      .toFile(label);
    const source = await openFolder({ folder: other });
    expect((await source.next()).get('label')!.data[0]).toBeCloseTo(0.2, 7);
    const coloured = Buffer.alloc(3 * height * width, 51);
    coloured[3 * (2 * width + 5)] = 90;
    await sharp(coloured, { raw }).png().toFile(label);
    await expect(openFolder({ folder: other })).rejects.toThrow(
      /soft.a\.png: has colours \(red 90, green 51, blue 51 in row 2, column 5\); expected grey levels/,
    );
  });

  test('a corrupt image is named', async () => {
    const other = mkdtempSync(join(folder, 'corrupt-'));
    for (const part of ['images', 'soft']) {
      mkdirSync(join(other, part));
      writeFileSync(join(other, part, 'a.png'), 'no image');
    }
    const attempt = openFolder({ folder: other });
    await expect(attempt).rejects.toThrow(CaffeFormatError);
    await expect(attempt).rejects.toThrow(/a\.png: not a readable image/);
  });
});
