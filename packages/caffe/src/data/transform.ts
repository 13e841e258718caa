import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodeMessage } from '../binary/decode.js';
import { CaffeFileError, CaffeFormatError, CaffeNetError } from '../errors.js';
import type { Random } from '../fillers/random.js';
import type { BlobProto, Phase, TransformationParameter } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import { countOf, shapeText } from './source.js';

/** The pixels of one item, planar (channel by channel) or interleaved. */
export interface Pixels {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly interleaved: boolean;
  /** Where the item came from, for errors. */
  readonly origin: string;
}

/** The part of an image that is used, and whether it is flipped from left to right. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly mirror: boolean;
}

/** The fields of caffe.TransformationParameter that apply to pixels; a message of the schema fits. */
export type TransformOptions = Pick<TransformationParameter, 'scale' | 'mirror' | 'crop_size' | 'mean_value'>;

/** A mean image: planar, of the size of the images before cropping. */
export interface MeanImage {
  readonly file: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

function blobShape(blob: BlobProto): readonly number[] {
  if (blob.shape.dim.length > 0) return blob.shape.dim.map(Number);
  return [blob.num, blob.channels, blob.height, blob.width];
}

/**
 * Reads a mean image (a BlobProto, as compute_image_mean writes it).
 * @throws CaffeFileError when the file cannot be read, CaffeFormatError when it holds no blob of 1 x C x H x W.
 */
export async function readMeanImage(file: string): Promise<MeanImage> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CaffeFileError(file, missing ? 'no such mean file' : (cause as Error).message, { cause });
  }
  const blob = decodeMessage('BlobProto', bytes, { file });
  const shape = blobShape(blob);
  const data = blob.double_data.length > 0 ? Float32Array.from(blob.double_data) : blob.data;
  const [num, channels, height, width] = shape;
  if (shape.length !== 4 || num !== 1) {
    throw new CaffeFormatError(
      file,
      `found a mean of shape ${shapeText(shape)}, expected 1 x channels x height x width`,
    );
  }
  if (data.length !== countOf(shape)) {
    throw new CaffeFormatError(file, `found ${data.length} values in a mean of shape ${shapeText(shape)}`);
  }
  return { file, channels: channels!, height: height!, width: width!, data };
}

/**
 * Caffe's data transformation: (pixel - mean) * scale in float32, on a crop, possibly flipped.
 *
 * A crop lies at random in phase TRAIN and in the middle (offsets rounded down) in TEST; `mirror` flips every other item at
 * random in both. The mean is an image, cropped with the item, or one value for all channels or one for each.
 */
export class Transformer {
  readonly #options: TransformOptions;
  readonly #phase: Phase;
  readonly #mean: MeanImage | undefined;

  constructor(options: TransformOptions, phase: Phase, mean?: MeanImage) {
    this.#options = options;
    this.#phase = phase;
    this.#mean = mean;
  }

  /**
   * Reads the mean file that the parameters name.
   * @param folder what relative names are relative to.
   * @throws CaffeNetError for parameters that contradict each other; what {@link readMeanImage} throws.
   */
  static async open(options: TransformationParameter, phase: Phase, folder: string): Promise<Transformer> {
    if (options.force_color && options.force_gray) {
      throw new CaffeNetError(
        'transform_param: found both force_color and force_gray, expected one of them at most',
      );
    }
    if (options.mean_file === '') return new Transformer(options, phase);
    if (options.mean_value.length > 0) {
      throw new CaffeNetError(
        'transform_param: found both mean_file and mean_value, expected one of them at most',
      );
    }
    return new Transformer(options, phase, await readMeanImage(resolve(folder, options.mean_file)));
  }

  /** The shape that an item of this shape becomes: channels, height, width. */
  shapeOf({ channels, height, width }: Pick<Pixels, 'channels' | 'height' | 'width'>): readonly number[] {
    const crop = this.#options.crop_size;
    return crop > 0 ? [channels, crop, crop] : [channels, height, width];
  }

  /**
   * Chooses the part of an item.
   * @throws DataShapeError when the item is smaller than the crop.
   */
  window({ height, width, origin }: Pick<Pixels, 'height' | 'width' | 'origin'>, random: Random): Window {
    const { mirror: mayMirror, crop_size: crop } = this.#options;
    const mirror = mayMirror && random.integer(2) === 1;
    if (crop === 0) return { top: 0, left: 0, height, width, mirror };
    if (height < crop || width < crop) {
      throw new DataShapeError(
        origin,
        `found ${width}x${height} pixels, expected at least crop_size: ${crop} each way`,
      );
    }
    const train = this.#phase === 'TRAIN';
    const top = train ? random.integer(height - crop + 1) : (height - crop) >> 1;
    const left = train ? random.integer(width - crop + 1) : (width - crop) >> 1;
    return { top, left, height: crop, width: crop, mirror };
  }

  /**
   * Writes the transformed item into `target` from `offset` on: planar, channels x window height x window width values.
   * @throws DataShapeError when the mean does not fit the item.
   */
  write(target: Float32Array, offset: number, pixels: Pixels, window: Window): void {
    const scale = Math.fround(this.#options.scale);
    const mean = this.#meanFor(pixels);
    if (mean) copyWindow(target, offset, pixels, window, { scale, mean });
    else copyWindow(target, offset, pixels, window, { scale, means: this.#meanValuesFor(pixels) });
  }

  #meanFor({ channels, height, width, origin }: Pixels): Float32Array | undefined {
    const mean = this.#mean;
    if (!mean) return undefined;
    if (mean.channels !== channels || mean.height !== height || mean.width !== width) {
      throw new DataShapeError(
        origin,
        `found ${shapeText([channels, height, width])}, expected the shape of the mean in ${mean.file}, ` +
          shapeText([mean.channels, mean.height, mean.width]),
      );
    }
    return mean.data;
  }

  #meanValuesFor({ channels, origin }: Pixels): Float32Array {
    const given = this.#options.mean_value;
    if (given.length > 1 && given.length !== channels) {
      throw new DataShapeError(
        origin,
        `found ${channels} channels and ${given.length} mean_value, expected one mean_value or one for each channel`,
      );
    }
    if (given.length > 1) return Float32Array.from(given);
    return new Float32Array(channels).fill(given[0] ?? 0);
  }
}

/** The arithmetic on a pixel, each step rounded to float32: (pixel - mean) * scale, or pixel / divisor. */
export type PixelArithmetic =
  /** A mean for every pixel of the item, planar. */
  | { readonly scale: number; readonly mean: Float32Array }
  /** A mean for every channel. */
  | { readonly scale: number; readonly means: Float32Array }
  | { readonly divisor: number };

/** The values that a channel's pixels become, for every value that a byte can have. */
function byteTable(arithmetic: PixelArithmetic, channel: number): Float32Array | undefined {
  if ('mean' in arithmetic) return undefined;
  const table = new Float32Array(256);
  for (let value = 0; value < 256; value++) table[value] = valueOf(arithmetic, value, channel, 0);
  return table;
}

function valueOf(arithmetic: PixelArithmetic, value: number, channel: number, at: number): number {
  if ('divisor' in arithmetic) return value / arithmetic.divisor;
  const less = 'mean' in arithmetic ? arithmetic.mean[at]! : arithmetic.means[channel]!;
  return Math.fround(value - less) * arithmetic.scale;
}

/** Copies a window of an item into `target` from `offset` on, planar, with some arithmetic on every pixel. */
export function copyWindow(
  target: Float32Array,
  offset: number,
  { channels, height, width, data, interleaved }: Pixels,
  window: Window,
  arithmetic: PixelArithmetic,
): void {
  const pixelStep = interleaved ? channels : 1;
  const step = window.mirror ? -pixelStep : pixelStep;
  const planarStep = window.mirror ? -1 : 1;
  const firstColumn = window.mirror ? window.left + window.width - 1 : window.left;
  let to = offset;
  for (let c = 0; c < channels; c++) {
    const table = data instanceof Uint8Array ? byteTable(arithmetic, c) : undefined;
    for (let y = window.top; y < window.top + window.height; y++) {
      let planar = (c * height + y) * width + firstColumn;
      let from = interleaved ? (y * width + firstColumn) * channels + c : planar;
      const end = to + window.width;
      if (table) {
        // Bytes are looked up: many times faster than the arithmetic, and the same values.
        for (; to < end; to++, from += step) target[to] = table[data[from]!]!;
      } else {
        for (; to < end; to++, from += step, planar += planarStep) {
          target[to] = valueOf(arithmetic, data[from]!, c, planar);
        }
      }
    }
  }
}
