import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { CaffeFileError } from '../errors.js';
import type { Phase } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import { readImage } from './image.js';
import type { FilePair, PairTransform } from './pair-source.js';
import { PairSource } from './pair-source.js';
import type { LabelledImage } from './soft-label.js';
import { softLabel } from './soft-label.js';
import type { BatchSource } from './source.js';
import { Transformer } from './transform.js';

/** How to feed a folder of images and soft labels. */
export interface SoftLabelFolderOptions {
  /** A folder that holds the folders `images` and `soft`, with files of the same base names. */
  readonly folder: string;
  readonly batchSize: number;
  /** TRAIN: pairs in random order, crops and flips at random. TEST: pairs in the order of their names, crops in the middle. */
  readonly phase: Phase;
  /** The size of the crops. Default: whole images, which must then have one size, or come in batches of one. */
  readonly crop?: { readonly height: number; readonly width: number };
  /** Whether to flip every other crop from left to right at random (TRAIN only). Default true. */
  readonly mirror?: boolean;
  /** Seeds order, crops and flips: the same seed gives the same batches. Default 0. */
  readonly seed?: number;
  /** 3: blue, green, red; 1: grey. Default 3. */
  readonly channels?: 1 | 3;
  /** What is subtracted from the pixels (0 to 255): one value, or one for each channel. Default 0. */
  readonly mean?: readonly number[];
  /** What the pixels are multiplied by, after the mean is subtracted. Default 1. */
  readonly scale?: number;
  /** The names of the two top blobs. Default `data` and `label`. */
  readonly tops?: readonly [data: string, label: string];
  /** How many bytes of decoded images to keep in memory. Default 256 MiB. */
  readonly cacheBytes?: number;
}

const imageName = /^[^.].*\.(png|jpe?g|webp|tiff?)$/i;

async function imagesIn(folder: string): Promise<Map<string, string>> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CaffeFileError(folder, missing ? 'no such folder' : (cause as Error).message, { cause });
  }
  const files = new Map<string, string>();
  for (const name of names.filter((candidate) => imageName.test(candidate)).toSorted()) {
    const base = parse(name).name;
    const other = files.get(base);
    if (other !== undefined) throw new CaffeFileError(folder, `holds both ${parse(other).base} and ${name}`);
    files.set(base, join(folder, name));
  }
  return files;
}

/**
 * The pairs of a folder: every image in `images` with the soft label in `soft` that has the same base name, in the order of the names.
 * @throws CaffeFileError when a folder is missing or empty, or a file has no partner.
 */
export async function softLabelPairs(folder: string): Promise<FilePair[]> {
  const images = await imagesIn(join(folder, 'images'));
  const labels = await imagesIn(join(folder, 'soft'));
  if (images.size === 0) throw new CaffeFileError(join(folder, 'images'), 'holds no images');
  const lonely = (from: Map<string, string>, others: Map<string, string>, what: string): void => {
    const missing = [...from].filter(([base]) => !others.has(base));
    const [first] = missing;
    if (!first) return;
    const more = missing.length > 1 ? ` (as ${missing.length - 1} others)` : '';
    throw new CaffeFileError(first[1], `has no ${what} of the same base name${more}`);
  };
  lonely(images, labels, 'soft label in the folder soft');
  lonely(labels, images, 'image in the folder images');
  return [...images].map(([base, image]) => ({ image, label: labels.get(base)! }));
}

async function loadPair({ image, label }: FilePair, channels: 1 | 3): Promise<LabelledImage> {
  const [pixels, levels] = await Promise.all([
    readImage(image, channels === 3 ? 'colour' : 'grey'),
    readImage(label, 'grey-only'),
  ]);
  if (pixels.height !== levels.height || pixels.width !== levels.width) {
    throw new DataShapeError(
      label,
      `found ${levels.width}x${levels.height} pixels, expected ${pixels.width}x${pixels.height} as its image`,
    );
  }
  return { image: pixels, label: softLabel(levels) };
}

function pairTransform({
  crop,
  phase,
  mirror = true,
  mean = [],
  scale = 1,
}: SoftLabelFolderOptions): PairTransform {
  const train = phase === 'TRAIN';
  const transformer = new Transformer({ scale, mean_value: mean, mirror: false, crop_size: 0 }, phase);
  return {
    window: ({ height, width, origin }, random) => {
      const size = crop ?? { height, width };
      if (height < size.height || width < size.width) {
        throw new DataShapeError(
          origin,
          `found ${width}x${height} pixels, expected at least the crop's ${size.width}x${size.height}`,
        );
      }
      const flip = train && mirror && random.integer(2) === 1;
      const place = (room: number): number => (train ? random.integer(room + 1) : room >> 1);
      const top = place(height - size.height);
      return { ...size, top, left: place(width - size.width), mirror: flip };
    },
    write: (target, offset, pixels, window) => transformer.write(target, offset, pixels, window),
  };
}

/**
 * Batches from a folder of images and soft labels, without end. Tops: pixels N x C x H x W, (pixel - mean) * scale, blue first; and
 * probabilities N x 1 x H x W, the grey level of the label / 255 (of 16 bits: / 65535).
 *
 * @throws CaffeFileError for missing files, CaffeFormatError for corrupt ones, DataShapeError for a label of another size than its
 * image or an image smaller than the crop; the last two also from `next`.
 */
export async function openSoftLabelFolder(options: SoftLabelFolderOptions): Promise<BatchSource> {
  const { channels = 3, tops = ['data', 'label'] } = options;
  return PairSource.open({
    pairs: await softLabelPairs(options.folder),
    load: (pair) => loadPair(pair, channels),
    transformer: pairTransform(options),
    batchSize: options.batchSize,
    shuffle: options.phase === 'TRAIN',
    start: 0,
    seed: options.seed ?? 0,
    cacheBytes: options.cacheBytes ?? 256 * 2 ** 20,
    dataTop: tops[0],
    labelTop: tops[1],
  });
}
