import { CaffeNetError } from '../errors.js';
import { sourceOf } from '../schema/message.js';
import type { LayerParameter, Phase } from '../schema/messages.js';

/** A blob's worth of data: row-major float32. */
export interface BatchTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** One batch: a tensor for each top blob, by name. The arrays belong to whoever asked for the batch. */
export type Batch = Map<string, BatchTensor>;

/** Something that gives batches without end, starting over where its data end, as Caffe's input layers do. */
export interface BatchSource {
  /** The top blobs, and their shapes in the first batch (with batches of one image, later shapes may differ). */
  readonly tops: ReadonlyMap<string, readonly number[]>;
  /** How many items there are before the data start over; undefined where there is no end or it is not known. */
  readonly length: number | undefined;
  /** The next batch. Calls must not overlap. */
  next(): Promise<Batch>;
  /** Passes over batches as if they had been read: what follows is what would have followed. */
  skip(batches: number): Promise<void>;
  /** Frees what the source holds. Nothing may be called afterwards. */
  close(): Promise<void>;
}

/** What an input layer needs to know besides its parameters. */
export interface SourceOptions {
  /** TRAIN crops at random, TEST in the middle. */
  readonly phase: Phase;
  /** Seeds shuffling, crops, flips and fillers: the same seed gives the same batches. Default 0. */
  readonly seed?: number;
  /** What relative file names are relative to. Default: the current folder, as in Caffe. */
  readonly folder?: string;
  /** How many bytes of decoded images to keep in memory. Default 256 MiB. */
  readonly cacheBytes?: number;
  /** Told of what has no effect. Default: nobody. */
  readonly warn?: (message: string) => void;
}

/** {@link SourceOptions} with every default filled in. */
export type SourceContext = Required<SourceOptions>;

/** The number of elements of a shape. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** A shape for a message: `3x7x9`. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'scalar' : shape.join('x');
}

/** An error that names the layer, its type and its line. */
export function layerError(layer: LayerParameter, message: string): CaffeNetError {
  return new CaffeNetError(message, { name: layer.name, type: layer.type, source: sourceOf(layer) });
}

/** The names of the layer's tops. @throws CaffeNetError unless there are `least` to `most` of them. */
export function topNames(layer: LayerParameter, least: number, most: number): readonly string[] {
  const { top } = layer;
  if (top.length < least || top.length > most) {
    const expected =
      least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} or ${most}`;
    throw layerError(layer, `found ${top.length} top blobs, expected ${expected}`);
  }
  return top;
}

/** A batch size that is set and positive. @throws CaffeNetError otherwise. */
export function positiveBatchSize(layer: LayerParameter, size: number): number {
  if (!(size > 0)) throw layerError(layer, `found batch_size: ${size}, expected a positive number`);
  return size;
}
