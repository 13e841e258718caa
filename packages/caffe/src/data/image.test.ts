import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { decodeImage, readImage } from './image.js';
import { resize } from './resize.js';

const images = fileURLToPath(new URL('../../fixtures/stores/images/', import.meta.url));

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'softxent-images-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function words(...values: number[]): Uint16Array {
  return Uint16Array.from(values);
}

async function png16(data: Uint16Array, width: number, channels: 1 | 3): Promise<Buffer> {
  const height = data.length / width / channels;
  return sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'grey16' : 'rgb16')
    .png()
    .toBuffer();
}

describe('images of 16 bits', () => {
  const levels = words(0, 1, 255, 256, 32767, 32768, 65279, 65535);

  test('keep their levels as grey-deep', async () => {
    const image = await decodeImage(await png16(levels, 4, 1), 'grey-deep', 'x');
    expect(image).toEqual({ height: 2, width: 4, channels: 1, data: levels });
  });

  test('are cut to the high byte as grey', async () => {
    const image = await decodeImage(await png16(levels, 4, 1), 'grey', 'x');
    expect(image.data).toEqual(Uint8Array.of(0, 0, 0, 1, 127, 128, 254, 255));
  });

  test('of colour are blue first, cut to the high byte', async () => {
    const bytes = await png16(words(256, 512, 768, 65535, 0, 255), 2, 3);
    expect((await decodeImage(bytes, 'colour', 'x')).data).toEqual(Uint8Array.of(3, 2, 1, 0, 0, 255));
    const unchanged = await decodeImage(bytes, 'unchanged', 'x');
    expect(unchanged).toEqual({
      height: 1,
      width: 2,
      channels: 3,
      data: words(768, 512, 256, 255, 0, 65535),
    });
  });

  test('are cut to the luminance of the whole words, then to the high byte, as grey', async () => {
    // 0.299, 0.587 and 0.114 of 60000, 30000 and 10000 in units of 2^-15, is 36688.54: 36689 = 0x8f51.
    const bytes = await png16(words(60000, 30000, 10000), 1, 3);
    expect((await decodeImage(bytes, 'grey-deep', 'x')).data).toEqual(words(36689));
    expect((await decodeImage(bytes, 'grey', 'x')).data).toEqual(Uint8Array.of(0x8f));
  });
});

describe('unchanged', () => {
  test('keeps alpha as the fourth channel and grey as one', async () => {
    const alpha = await readImage(join(images, 'alpha.png'), 'unchanged');
    const colour = await readImage(join(images, 'alpha.png'), 'colour');
    expect(alpha.channels).toBe(4);
    expect([...alpha.data].filter((_, i) => i % 4 < 3)).toEqual([...colour.data]);
    expect((await readImage(join(images, 'grey.png'), 'unchanged')).channels).toBe(1);
    expect((await readImage(join(images, 'palette.png'), 'unchanged')).channels).toBe(3);
  });
});

test.each<[string, (image: Sharp) => Sharp, number[]]>([
  ['TIFF', (image) => image.tiff({ compression: 'none' }), [28, 128, 134, 104, 158]],
  ['WebP', (image) => image.webp({ lossless: true }), [27, 129, 133, 103, 159]],
  ['PNG', (image) => image.png(), [27, 128, 133, 103, 158]],
])('the weights of grey are those that OpenCV uses for %s', async (_format, encode, expected) => {
  // Five colours for which they matter, and what OpenCV 5.0 makes of them.
  const colours = [71, 0, 55, 19, 197, 63, 117, 122, 236, 188, 59, 111, 91, 199, 127];
  const bytes = await encode(
    sharp(Buffer.from(colours), { raw: { width: 5, height: 1, channels: 3 } }),
  ).toBuffer();
  expect([...(await decodeImage(bytes, 'grey', 'x')).data]).toEqual(expected);
});

test('the EXIF orientation is applied', async () => {
  const data = Uint8Array.of(10, 20, 30, 40, 50, 60);
  const turned = await sharp(data, { raw: { width: 3, height: 2, channels: 1 } })
    .png()
    .withMetadata({ orientation: 6 })
    .toBuffer();
  // 6: the first column is the top row, turned to the right.
  const image = await decodeImage(turned, 'grey', 'x');
  expect(image).toEqual({ height: 3, width: 2, channels: 1, data: Uint8Array.of(40, 10, 50, 20, 60, 30) });
});

test('a colour profile is ignored', async () => {
  const data = Uint8Array.of(200, 100, 50);
  const bytes = await sharp(data, { raw: { width: 1, height: 1, channels: 3 } })
    .withIccProfile('p3')
    .png()
    .toBuffer();
  const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
  expect([...stored]).not.toEqual([...data]); // the file holds other numbers, which the profile maps back
  expect((await decodeImage(bytes, 'colour', 'x')).data).toEqual(Uint8Array.from(stored.toReversed()));
});

describe('what is no readable image is refused with its name', () => {
  test('missing', async () => {
    const attempt = readImage(join(scratch, 'none.png'), 'colour');
    await expect(attempt).rejects.toThrow(CaffeFileError);
    await expect(attempt).rejects.toThrow(/none\.png: no such file/);
  });

  test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ['text', () => Buffer.from('not an image'), /not a readable image/],
    ['empty', () => Buffer.alloc(0), /not a readable image/],
    ['truncated PNG', () => readFileSync(join(images, 'im0.png')).subarray(0, 150), /not a readable image/],
    [
      'truncated JPEG',
      async () => {
        const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) & 255));
        const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
          .jpeg()
          .toBuffer();
        return jpeg.subarray(0, jpeg.length / 2);
      },
      /not a readable image/,
    ],
    [
      'vector image',
      () =>
        Buffer.from(
          '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="4" height="4"/></svg>',
        ),
      /found a svg image, expected PNG/,
    ],
    [
      'CMYK',
      () =>
        sharp(Buffer.alloc(48), { raw: { width: 4, height: 4, channels: 3 } })
          .toColourspace('cmyk')
          .jpeg()
          .toBuffer(),
      /found colour space cmyk, expected grey or RGB/,
    ],
  ])('%s', async (name, make, message) => {
    const file = join(scratch, `${name}.png`);
    writeFileSync(file, await make());
    const attempt = readImage(file, 'colour');
    await expect(attempt).rejects.toThrow(CaffeFormatError);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(file);
  });
});

describe('resize', () => {
  const byteImage = (height: number, width: number, ...values: number[]) => ({
    height,
    width,
    channels: 1,
    data: Uint8Array.from(values),
  });

  test('to the same size changes nothing', () => {
    const image = byteImage(1, 3, 1, 2, 3);
    expect(resize(image, 1, 3)).toEqual(image);
  });

  test('to half the size takes the mean of two by two, rounded half up', () => {
    expect(resize(byteImage(2, 4, 0, 1, 10, 20, 0, 1, 30, 41), 1, 2).data).toEqual(Uint8Array.of(1, 25));
  });

  test('samples at pixel centres and clamps at the borders', () => {
    // Doubling a row: outputs read the source at -0.25, 0.25, 0.75 and 1.25.
    expect(resize(byteImage(1, 2, 0, 100), 1, 4).data).toEqual(Uint8Array.of(0, 25, 75, 100));
    expect(resize(byteImage(2, 1, 0, 100), 4, 1).data).toEqual(Uint8Array.of(0, 25, 75, 100));
  });

  test.each<[number, number, number[]]>([
    [3, 4, [80, 155, 58, 154, 185, 153, 57, 153, 183, 151, 55, 151]],
    [
      2,
      14,
      [
        191, 161, 102, 90, 127, 163, 200, 172, 81, 53, 90, 126, 163, 181, 253, 207, 115, 88, 124, 161, 197,
        170, 78, 51, 87, 124, 160, 179,
      ],
    ],
  ])('of 5 x 7 bytes to %i x %i equals OpenCV 5.0 to the bit', (height, width, expected) => {
    const image = byteImage(5, 7, ...Array.from({ length: 35 }, (_, i) => (i * 73) % 256));
    expect([...resize(image, height, width).data]).toEqual(expected);
  });

  test('a constant image stays constant at any size', () => {
    for (const [height, width] of [
      [1, 1],
      [3, 11],
      [16, 5],
      [7, 40],
    ] as const) {
      const bytes = resize(byteImage(5, 7, ...new Uint8Array(35).fill(201)), height, width);
      expect(bytes.data).toEqual(new Uint8Array(height * width).fill(201));
      const deep = { height: 5, width: 7, channels: 1, data: new Uint16Array(35).fill(60001) };
      expect(resize(deep, height, width).data).toEqual(new Uint16Array(height * width).fill(60001));
    }
  });

  test('16 bits follow the same formula as 8, to a level', () => {
    const values = Array.from({ length: 6 * 5 }, (_, i) => (i * 97) % 256);
    const bytes = resize(byteImage(6, 5, ...values), 9, 13).data;
    const deep = resize(
      { height: 6, width: 5, channels: 1, data: words(...values.map((v) => v * 256)) },
      9,
      13,
    ).data;
    const far = bytes.filter((value, i) => Math.abs(value - deep[i]! / 256) > 1);
    expect(far).toEqual(new Uint8Array(0));
  });
});
