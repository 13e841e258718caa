import { resolve } from 'node:path';
import { Random } from '../fillers/random.js';
import type { ImageDataParameter, LayerParameter } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import { checkListedFiles, DecodedCache } from './files.js';
import type { Image } from './image.js';
import { readImage } from './image.js';
import { readLabelledList } from './list-file.js';
import { resize } from './resize.js';
import { Sequence } from './sequence.js';
import type { Batch, BatchSource, SourceContext } from './source.js';
import { countOf, layerError, positiveBatchSize, shapeText, topNames } from './source.js';
import { Transformer } from './transform.js';

/** What ImageData and ImageLabelmapData have in common. @throws CaffeNetError for parameters that make no sense. */
export function checkImageParam(
  layer: LayerParameter,
  length: number,
  seed: number,
): { batchSize: number; start: number } {
  const {
    new_height: height,
    new_width: width,
    batch_size: batchSize,
    rand_skip: randSkip,
    source,
  } = layer.image_data_param;
  if (source === '') throw layerError(layer, 'image_data_param has no source');
  if (height > 0 !== width > 0) {
    throw layerError(layer, `found new_height: ${height} and new_width: ${width}, expected both or neither`);
  }
  const start = randSkip > 0 ? new Random(seed, 2).integer(randSkip) : 0;
  if (start >= length) {
    throw layerError(layer, `rand_skip: ${randSkip} passes over ${start} images, but the list has ${length}`);
  }
  return { batchSize: positiveBatchSize(layer, batchSize), start };
}

/** Resizes where new_height and new_width say so. */
export function resized<D extends Uint8Array | Uint16Array>(
  image: Image<D>,
  param: ImageDataParameter,
): Image<D> {
  return param.new_height > 0 ? resize(image, param.new_height, param.new_width) : image;
}

interface Entry {
  readonly file: string;
  readonly label: number;
}

/**
 * Caffe's `ImageData` layer: the images of a list file (`NAME LABEL` lines), over and over, in order or shuffled anew in every
 * round. Tops: the transformed pixels N x C x H x W, blue first, and the labels N. A batch takes the shape of its first image, so
 * that with batches of one, every image keeps its size.
 */
export async function openImageSource(layer: LayerParameter, context: SourceContext): Promise<BatchSource> {
  const { image_data_param: param } = layer;
  const [dataTop, labelTop] = topNames(layer, 2, 2) as [string, string];
  if (param.source === '') throw layerError(layer, 'image_data_param has no source');
  const list = resolve(context.folder, param.source);
  const lines = await readLabelledList(list);
  const { batchSize, start } = checkImageParam(layer, lines.length, context.seed);
  const files = lines.map(({ line, fields: [name] }) => ({
    line,
    file: resolve(context.folder, param.root_folder + name!),
  }));
  checkListedFiles(list, files);
  const entries = lines.map(({ fields: [, label] }, i) => ({ file: files[i]!.file, label: Number(label) }));
  const transformer = await Transformer.open(layer.transform_param, context.phase, context.folder);
  const { length } = entries;
  const sequence = new Sequence({ length, shuffle: param.shuffle, seed: context.seed, start });
  const source = new ImageSource(
    { param, batchSize, transformer, entries, sequence, dataTop, labelTop },
    context,
  );
  const first = new Sequence({ length, shuffle: param.shuffle, seed: context.seed, start }).next().item;
  await source.look(first);
  return source;
}

interface Parts {
  readonly param: ImageDataParameter;
  readonly batchSize: number;
  readonly transformer: Transformer;
  readonly entries: readonly Entry[];
  readonly sequence: Sequence;
  readonly dataTop: string;
  readonly labelTop: string;
}

class ImageSource implements BatchSource {
  readonly tops = new Map<string, readonly number[]>();
  readonly length: number;
  readonly #parts: Parts;
  readonly #cache: DecodedCache<Image>;

  constructor(parts: Parts, { cacheBytes }: SourceContext) {
    this.#parts = parts;
    this.length = parts.entries.length;
    this.#cache = new DecodedCache(cacheBytes, ({ data }) => data.byteLength);
  }

  /** Takes the shapes from one image. */
  async look(item: number): Promise<void> {
    const { transformer, batchSize, dataTop, labelTop } = this.#parts;
    this.tops.set(dataTop, [batchSize, ...transformer.shapeOf(await this.#image(item))]);
    this.tops.set(labelTop, [batchSize]);
  }

  async next(): Promise<Batch> {
    const { transformer, batchSize, sequence, entries, dataTop, labelTop } = this.#parts;
    const steps = Array.from({ length: batchSize }, () => sequence.next());
    const images = await Promise.all(steps.map(({ item }) => this.#image(item)));
    const itemShape = transformer.shapeOf(images[0]!);
    const size = countOf(itemShape);
    const data = new Float32Array(batchSize * size);
    images.forEach((image, i) => {
      const { item, random } = steps[i]!;
      const pixels = { ...image, interleaved: true, origin: entries[item]!.file };
      const shape = transformer.shapeOf(pixels);
      if (shape.some((dim, axis) => dim !== itemShape[axis])) {
        throw new DataShapeError(
          pixels.origin,
          `found ${shapeText(shape)}, expected ${shapeText(itemShape)} as in the first image of the batch ` +
            '(set crop_size, or new_height and new_width, or batch_size: 1)',
        );
      }
      transformer.write(data, i * size, pixels, transformer.window(pixels, random));
    });
    const labels = Float32Array.from(steps, ({ item }) => entries[item]!.label);
    return new Map([
      [dataTop, { shape: [batchSize, ...itemShape], data }],
      [labelTop, { shape: [batchSize], data: labels }],
    ]);
  }

  skip(batches: number): Promise<void> {
    this.#parts.sequence.skip(batches * this.#parts.batchSize);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #image(item: number): Promise<Image> {
    const { param, entries } = this.#parts;
    return this.#cache.get(item, async () =>
      resized(await readImage(entries[item]!.file, param.is_color ? 'colour' : 'grey'), param),
    );
  }
}
