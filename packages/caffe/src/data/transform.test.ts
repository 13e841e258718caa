import { describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { CaffeFileError, CaffeNetError } from '../errors.js';
import { Random } from '../fillers/random.js';
import { create } from '../schema/message.js';
import type { MessageInit } from '../schema/message.js';
import type { TransformationParameter } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import type { Pixels } from './transform.js';
import { Transformer } from './transform.js';

const stores = fileURLToPath(new URL('../../fixtures/stores/', import.meta.url));

const pixels: Pixels = {
  channels: 2,
  height: 5,
  width: 7,
  data: Uint8Array.from({ length: 70 }, (_, i) => i),
  interleaved: false,
  origin: 'item',
};

function transformation(init: MessageInit<TransformationParameter>): TransformationParameter {
  return create('TransformationParameter', init);
}

function apply(transformer: Transformer, random: Random, item = pixels): Float32Array {
  const window = transformer.window(item, random);
  const target = new Float32Array(item.channels * window.height * window.width);
  transformer.write(target, 0, item, window);
  return target;
}

describe('random crops and flips', () => {
  test('in TRAIN reach every place, flipped and not, equally often', () => {
    const transformer = new Transformer(transformation({ crop_size: 4, mirror: true }), 'TRAIN');
    const random = new Random(1);
    const counts = new Map<string, number>();
    const draws = 16_000;
    for (let i = 0; i < draws; i++) {
      const { top, left, mirror } = transformer.window(pixels, random);
      const place = `${top},${left},${mirror}`;
      counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    expect(counts.size).toBe(2 * 4 * 2);
    const expected = draws / counts.size;
    const chiSquare = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    expect(chiSquare).toBeLessThan(44.3); // 15 degrees of freedom, once in ten thousand
  });

  test('in TEST the crop lies in the middle, but mirror still flips at random, as in Caffe', () => {
    const transformer = new Transformer(transformation({ crop_size: 4, mirror: true }), 'TEST');
    const random = new Random(1);
    const windows = Array.from({ length: 50 }, () => transformer.window(pixels, random));
    expect(new Set(windows.map(({ top, left }) => `${top},${left}`))).toEqual(new Set(['0,1']));
    expect(new Set(windows.map(({ mirror }) => mirror)).size).toBe(2);
  });

  test('write the pixels of the window, from right to left where it is flipped', () => {
    const transformer = new Transformer(transformation({}), 'TEST');
    const target = new Float32Array(4);
    const window = { top: 1, left: 2, height: 1, width: 2 };
    transformer.write(target, 0, pixels, { ...window, mirror: false });
    expect([...target]).toEqual([9, 10, 44, 45]);
    transformer.write(target, 0, pixels, { ...window, mirror: true });
    expect([...target]).toEqual([10, 9, 45, 44]);
  });

  test('interleaved pixels come out as planar ones do', () => {
    const interleaved: Pixels = {
      ...pixels,
      interleaved: true,
      data: Uint8Array.from({ length: 70 }, (_, i) => (i % 2) * 35 + (i >> 1)),
    };
    const transformer = new Transformer(
      transformation({ crop_size: 3, mirror: true, mean_value: [1, 2], scale: 0.1 }),
      'TRAIN',
    );
    for (let seed = 0; seed < 20; seed++) {
      const planar = apply(transformer, new Random(seed));
      expect(apply(transformer, new Random(seed), interleaved)).toEqual(planar);
    }
  });
});

describe('what does not fit is refused', () => {
  test('an item smaller than the crop', () => {
    const transformer = new Transformer(transformation({ crop_size: 6 }), 'TEST');
    expect(() => apply(transformer, new Random(0))).toThrow(DataShapeError);
    expect(() => apply(transformer, new Random(0))).toThrow(
      /item: found 7x5 pixels, expected at least crop_size: 6/,
    );
  });

  test('three mean values for two channels', () => {
    const transformer = new Transformer(transformation({ mean_value: [1, 2, 3] }), 'TEST');
    expect(() => apply(transformer, new Random(0))).toThrow(/item: found 2 channels and 3 mean_value/);
  });

  test('a mean image of another size', async () => {
    const transformer = await Transformer.open(
      transformation({ mean_file: 'mean.binaryproto' }),
      'TEST',
      stores,
    );
    expect(() => apply(transformer, new Random(0))).toThrow(
      /item: found 2x5x7, expected the shape of the mean in .*, 3x7x9/,
    );
  });

  test.each([
    [{ mean_file: 'mean.binaryproto', mean_value: [1] }, CaffeNetError, /both mean_file and mean_value/],
    [{ force_color: true, force_gray: true }, CaffeNetError, /both force_color and force_gray/],
    [{ mean_file: 'none.binaryproto' }, CaffeFileError, /none\.binaryproto: no such mean file/],
    [{ mean_file: 'list.txt' }, Error, /list\.txt: not a BlobProto/],
  ])('%j', async (init, type, message) => {
    const attempt = Transformer.open(transformation(init), 'TEST', stores);
    await expect(attempt).rejects.toThrow(type);
    await expect(attempt).rejects.toThrow(message);
  });
});
