/** Images with soft labels, laid out for training. */
import type { Random } from '../random.js';
import { annotate, softLabel, type Annotator } from './annotators.js';
import { makeScene } from './scene.js';

/** A set of square images of one channel with a soft label each. */
export interface Dataset {
  readonly count: number;
  readonly size: number;
  /** [count, 1, size, size], values in [0, 1]. */
  readonly images: Float32Array;
  /** [count, 1, size, size], n/255: the share of the annotators for whom a pixel belongs to a cell. */
  readonly targets: Uint8Array;
}

/** What {@link makeDataset} is to make. */
export interface DatasetOptions {
  readonly count: number;
  readonly size: number;
  readonly annotators: readonly Annotator[];
  readonly random: Random;
}

/** Makes a data set; the same options give the same bits. */
export function makeDataset({ count, size, annotators, random }: DatasetOptions): Dataset {
  const area = size * size;
  const images = new Float32Array(count * area);
  const targets = new Uint8Array(count * area);
  for (let i = 0; i < count; i += 1) {
    const scene = makeScene(size, random.fork());
    const masks = annotators.map((annotator) => annotate(scene, annotator, random.fork()));
    images.set(scene.image, i * area);
    targets.set(softLabel(masks), i * area);
  }
  return { count, size, images, targets };
}

/** Mean of all targets, in [0, 1]: what a predictor would say that knows nothing of the image. */
export function meanTarget({ targets }: Dataset): number {
  let sum = 0;
  for (const target of targets) sum += target;
  return sum / (255 * targets.length);
}
