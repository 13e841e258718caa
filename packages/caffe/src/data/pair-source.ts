import { DataShapeError } from './errors.js';
import { DecodedCache } from './files.js';
import { Sequence } from './sequence.js';
import type { LabelledImage } from './soft-label.js';
import { pairBytes } from './soft-label.js';
import type { Batch, BatchSource } from './source.js';
import { countOf, shapeText } from './source.js';
import type { Pixels, Window } from './transform.js';
import { copyWindow } from './transform.js';
import type { Random } from '../fillers/random.js';

/** The files of an image and of its soft label. */
export interface FilePair {
  readonly image: string;
  readonly label: string;
}

/** What chooses and transforms the part of a pair that is used; a Transformer does. */
export interface PairTransform {
  window(pixels: Pixels, random: Random): Window;
  write(target: Float32Array, offset: number, pixels: Pixels, window: Window): void;
}

/** What a {@link PairSource} is made of. */
export interface PairSourceParts {
  readonly pairs: readonly FilePair[];
  readonly load: (pair: FilePair, index: number) => Promise<LabelledImage>;
  readonly transformer: PairTransform;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly start: number;
  readonly seed: number;
  readonly cacheBytes: number;
  readonly dataTop: string;
  readonly labelTop: string;
}

/** Batches of images with soft-label images: both are cropped and flipped in the same way. */
export class PairSource implements BatchSource {
  readonly tops = new Map<string, readonly number[]>();
  readonly length: number;
  readonly #parts: PairSourceParts;
  readonly #sequence: Sequence;
  readonly #cache: DecodedCache<LabelledImage>;

  private constructor(parts: PairSourceParts) {
    this.#parts = parts;
    this.length = parts.pairs.length;
    this.#sequence = new Sequence({ ...parts, length: parts.pairs.length });
    this.#cache = new DecodedCache(parts.cacheBytes, pairBytes);
  }

  /** Looks at the first pair for the shapes. */
  static async open(parts: PairSourceParts): Promise<PairSource> {
    const source = new PairSource(parts);
    const { item, random } = new Sequence({ ...parts, length: parts.pairs.length }).next();
    const pixels = source.#pixels(await source.#load(item), item);
    const { height, width } = parts.transformer.window(pixels, random);
    source.tops.set(parts.dataTop, [parts.batchSize, pixels.channels, height, width]);
    source.tops.set(parts.labelTop, [parts.batchSize, 1, height, width]);
    return source;
  }

  async next(): Promise<Batch> {
    const { batchSize, transformer, dataTop, labelTop } = this.#parts;
    const steps = Array.from({ length: batchSize }, () => this.#sequence.next());
    const pairs = await Promise.all(steps.map(({ item }) => this.#load(item)));
    const items = pairs.map((pair, i) => {
      const { item, random } = steps[i]!;
      const pixels = this.#pixels(pair, item);
      return { pair, pixels, window: transformer.window(pixels, random) };
    });
    const first = items[0]!;
    const { height, width } = first.window;
    const shape = [first.pixels.channels, height, width];
    const size = countOf(shape);
    const data = new Float32Array(batchSize * size);
    const labels = new Float32Array(batchSize * height * width);
    items.forEach(({ pair, pixels, window }, i) => {
      const found = [pixels.channels, window.height, window.width];
      if (shapeText(found) !== shapeText(shape)) {
        throw new DataShapeError(
          pixels.origin,
          `found ${shapeText(found)}, expected ${shapeText(shape)} as in the first image of the batch (crop, resize, or use ` +
            'batches of one)',
        );
      }
      transformer.write(data, i * size, pixels, window);
      const { levels, full } = pair.label;
      const grey: Pixels = { ...pixels, channels: 1, data: levels };
      copyWindow(labels, i * height * width, grey, window, { divisor: full });
    });
    return new Map([
      [dataTop, { shape: [batchSize, ...shape], data }],
      [labelTop, { shape: [batchSize, 1, height, width], data: labels }],
    ]);
  }

  skip(batches: number): Promise<void> {
    this.#sequence.skip(batches * this.#parts.batchSize);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #load(item: number): Promise<LabelledImage> {
    return this.#cache.get(item, () => this.#parts.load(this.#parts.pairs[item]!, item));
  }

  #pixels({ image }: LabelledImage, item: number): Pixels {
    return { ...image, interleaved: true, origin: this.#parts.pairs[item]!.image };
  }
}
