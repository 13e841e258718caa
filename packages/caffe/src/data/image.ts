import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Metadata } from 'sharp';
import { CaffeFileError, CaffeFormatError } from '../errors.js';

/** Pixels in the order in which OpenCV holds them: row by row, channels interleaved, colour as blue, green, red(, alpha). */
export interface Image<Data extends Uint8Array | Uint16Array = Uint8Array> {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Data;
}

/**
 * How to read an image: `colour` as three channels of 8 bits, `grey` as one of 8 bits, `unchanged` with the channels and
 * the depth of the file (OpenCV's IMREAD_COLOR, IMREAD_GRAYSCALE, IMREAD_UNCHANGED), `grey-deep` as one channel with the
 * depth of the file.
 */
export type ImageMode = 'colour' | 'grey' | 'unchanged' | 'grey-deep';

type Samples = Uint8Array | Uint16Array;

/** What the file holds: one to four interleaved channels (grey, grey and alpha, RGB, RGBA). */
interface Raster {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Samples;
  readonly png: boolean;
}

const formats = new Set(['png', 'jpeg', 'webp', 'tiff', 'gif', 'heif']);
const spaces = new Set(['srgb', 'rgb', 'b-w', 'rgb16', 'grey16']);

function plainMessage(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error))
    .split('\n')
    .map((line) => line.trim());
  return lines.filter((line) => line !== '').join('; ');
}

function refuse(metadata: Metadata): string | undefined {
  if (!formats.has(metadata.format))
    return `found a ${metadata.format} image, expected PNG, JPEG, WebP, TIFF, GIF or AVIF`;
  if (!spaces.has(metadata.space)) {
    return `found colour space ${metadata.space}, expected grey or RGB of 8 or 16 bits`;
  }
  return undefined;
}

async function decode(bytes: Uint8Array, origin: string): Promise<Raster> {
  try {
    // Colour profiles are ignored and the EXIF orientation is applied, as OpenCV does.
    const source = sharp(bytes, { ignoreIcc: true, failOn: 'error' });
    const metadata = await source.metadata();
    const refusal = refuse(metadata);
    if (refusal !== undefined) throw new CaffeFormatError(origin, refusal);
    const deep = metadata.depth === 'ushort';
    const grey = metadata.space === 'b-w' || metadata.space === 'grey16';
    const { data, info } = await source
      .autoOrient()
      .toColourspace(deep ? (grey ? 'grey16' : 'rgb16') : grey ? 'b-w' : 'srgb')
      .raw({ depth: deep ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const samples = deep ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
    const { height, width, channels } = info;
    if (samples.length !== height * width * channels) {
      throw new CaffeFormatError(
        origin,
        `decoded to ${samples.length} samples for ${width}x${height}x${channels}`,
      );
    }
    return { height, width, channels, data: samples, png: metadata.format === 'png' };
  } catch (error) {
    if (error instanceof CaffeFormatError) throw error;
    throw new CaffeFormatError(origin, `not a readable image (${plainMessage(error)})`, { cause: error });
  }
}

function toByte(data: Samples): number {
  // libpng's strip_16, which OpenCV uses: the high byte.
  return data instanceof Uint16Array ? 8 : 0;
}

/**
 * Luminance as OpenCV gives it. For PNG it lets libpng do it, whose weights are 0.299 and 0.587 in units of 2^-15: rounded
 * down for 8 bits, to nearest for 16. Other formats: OpenCV's own weights, to nearest.
 */
function luminance({ data, channels, png }: Raster): Samples {
  const count = data.length / channels;
  const grey = data instanceof Uint16Array ? new Uint16Array(count) : new Uint8Array(count);
  const colours = channels >= 3;
  const [red, green] = png ? [9797, 19234] : [9798, 19235];
  const blue = 32768 - red - green;
  const rounding = png && data instanceof Uint8Array ? 0 : 16384;
  for (let i = 0, at = 0; i < count; i++, at += channels) {
    grey[i] = colours
      ? (red * data[at]! + green * data[at + 1]! + blue * data[at + 2]! + rounding) >>> 15
      : data[at]!;
  }
  return grey;
}

function bytesOf(samples: Samples): Uint8Array {
  if (samples instanceof Uint8Array) return samples;
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = samples[i]! >> toByte(samples);
  return bytes;
}

/** Blue, green, red (and alpha, where the file has it and `alpha` asks for it) out of what the file holds. */
function reorder({ data, channels }: Raster, alpha: boolean): { channels: number; data: Samples } {
  const count = data.length / channels;
  const out = alpha ? 4 : 3;
  const target = data instanceof Uint16Array ? new Uint16Array(count * out) : new Uint8Array(count * out);
  const colours = channels >= 3;
  for (let i = 0; i < count; i++) {
    const from = i * channels;
    const to = i * out;
    target[to] = data[colours ? from + 2 : from]!;
    target[to + 1] = data[colours ? from + 1 : from]!;
    target[to + 2] = data[from]!;
    if (alpha) target[to + 3] = data[from + channels - 1]!;
  }
  return { channels: out, data: target };
}

/**
 * Decodes an image file as OpenCV gives it to Caffe: blue first, alpha dropped without blending, palettes expanded, 16 bits
 * cut to the high byte (unless the mode keeps them), colour profiles ignored, the EXIF orientation applied.
 *
 * A colour JPEG read as `grey` may differ from OpenCV by a level or two: OpenCV takes the file's luma plane, this computes it
 * from the decoded colours.
 * @param origin the file's name for errors.
 * @throws CaffeFormatError for what is no readable image.
 */
export async function decodeImage(bytes: Uint8Array, mode: 'colour' | 'grey', origin: string): Promise<Image>;
export async function decodeImage(
  bytes: Uint8Array,
  mode: ImageMode,
  origin: string,
): Promise<Image<Samples>>;
export async function decodeImage(
  bytes: Uint8Array,
  mode: ImageMode,
  origin: string,
): Promise<Image<Samples>> {
  const raster = await decode(bytes, origin);
  const { height, width, channels } = raster;
  switch (mode) {
    case 'colour': {
      const data = bytesOf(reorder(raster, false).data);
      return { height, width, channels: 3, data };
    }
    case 'grey':
      return { height, width, channels: 1, data: bytesOf(luminance(raster)) };
    case 'grey-deep':
      return { height, width, channels: 1, data: luminance(raster) };
    case 'unchanged':
      if (channels === 1) return { height, width, channels, data: raster.data };
      return { height, width, ...reorder(raster, channels % 2 === 0) };
  }
}

/**
 * Reads an image file: see {@link decodeImage}.
 * @throws CaffeFileError when the file cannot be read, CaffeFormatError when it is no readable image.
 */
export async function readImage(file: string, mode: 'colour' | 'grey'): Promise<Image>;
export async function readImage(file: string, mode: ImageMode): Promise<Image<Samples>>;
export async function readImage(file: string, mode: ImageMode): Promise<Image<Samples>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CaffeFileError(file, missing ? 'no such file' : (cause as Error).message, { cause });
  }
  return decodeImage(bytes, mode, file);
}
