import { resolve } from 'node:path';
import { CaffeFormatError } from '../errors.js';
import { Random } from '../fillers/random.js';
import type { Datum, LayerParameter } from '../schema/messages.js';
import type { ForcedColour } from './datum.js';
import { datumPixels, parseDatum } from './datum.js';
import { DataShapeError } from './errors.js';
import { openLevelDb } from './leveldb.js';
import { openLmdb } from './lmdb.js';
import type { Batch, BatchSource, SourceContext } from './source.js';
import { countOf, layerError, positiveBatchSize, shapeText, topNames } from './source.js';
import type { Store, StoreRow } from './store.js';
import { keyText } from './store.js';
import type { Pixels } from './transform.js';
import { Transformer } from './transform.js';

interface Item {
  readonly datum: Datum;
  readonly origin: string;
}

/**
 * Caffe's `Data` layer: rows of an LMDB or LevelDB database of Datum messages in the order of their keys, over and over.
 * Tops: the transformed pixels N x C x H x W and, when a second is asked for, the labels N. A batch takes the shape of its
 * first row. Encoded rows are decoded as OpenCV does. `rand_skip` has no effect, as in Caffe 1.0; `warn` says so.
 */
export async function openDatabaseSource(
  layer: LayerParameter,
  context: SourceContext,
): Promise<BatchSource> {
  const { data_param: param, transform_param: transform } = layer;
  const tops = topNames(layer, 1, 2);
  const batchSize = positiveBatchSize(layer, param.batch_size);
  if (param.source === '') throw layerError(layer, 'data_param has no source');
  if (param.rand_skip > 0)
    context.warn(`layer '${layer.name}': data_param.rand_skip has no effect, as in Caffe 1.0`);
  const transformer = await Transformer.open(transform, context.phase, context.folder);
  const path = resolve(context.folder, param.source);
  const store = param.backend === 'LMDB' ? openLmdb(path) : await openLevelDb(path);
  try {
    const forced = transform.force_color ? 'colour' : transform.force_gray ? 'grey' : undefined;
    const source = new DatabaseSource({ tops, batchSize, transformer, store, forced, seed: context.seed });
    await source.start();
    return source;
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Parts {
  readonly tops: readonly string[];
  readonly batchSize: number;
  readonly transformer: Transformer;
  readonly store: Store;
  readonly forced: ForcedColour;
  readonly seed: number;
}

class DatabaseSource implements BatchSource {
  readonly tops = new Map<string, readonly number[]>();
  readonly #parts: Parts;
  #length: number | undefined;
  #sinceStart = 0;
  #steps = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Known once the database has been read to its end. */
  get length(): number | undefined {
    return this.#length;
  }

  /** Looks at the first row for the shapes. */
  async start(): Promise<void> {
    const { tops, batchSize, transformer, store } = this.#parts;
    const pixels = await this.#pixels(this.#parse(await this.#row()));
    await store.rewind();
    this.#sinceStart = 0;
    this.tops.set(tops[0]!, [batchSize, ...transformer.shapeOf(pixels)]);
    if (tops[1] !== undefined) this.tops.set(tops[1], [batchSize]);
  }

  async next(): Promise<Batch> {
    const { tops, batchSize, transformer, seed } = this.#parts;
    const items: Item[] = [];
    while (items.length < batchSize) items.push(this.#parse(await this.#row()));
    const decoded = await Promise.all(items.map((item) => this.#pixels(item)));
    const itemShape = transformer.shapeOf(decoded[0]!);
    const size = countOf(itemShape);
    const data = new Float32Array(batchSize * size);
    decoded.forEach((pixels, i) => {
      const shape = transformer.shapeOf(pixels);
      if (shape.some((dim, axis) => dim !== itemShape[axis])) {
        throw new DataShapeError(
          pixels.origin,
          `found ${shapeText(shape)}, expected ${shapeText(itemShape)} as in the first row of the batch`,
        );
      }
      const random = new Random(seed, 1, this.#steps++);
      transformer.write(data, i * size, pixels, transformer.window(pixels, random));
    });
    const batch: Batch = new Map([[tops[0]!, { shape: [batchSize, ...itemShape], data }]]);
    if (tops[1] !== undefined) {
      const labels = Float32Array.from(items, ({ datum }) => datum.label);
      batch.set(tops[1], { shape: [batchSize], data: labels });
    }
    return batch;
  }

  async skip(batches: number): Promise<void> {
    const rows = batches * this.#parts.batchSize;
    for (let i = 0; i < rows; i++) await this.#row();
    this.#steps += rows;
  }

  close(): Promise<void> {
    return this.#parts.store.close();
  }

  async #row(): Promise<StoreRow> {
    const { store } = this.#parts;
    let row = await store.next();
    if (!row) {
      if (this.#sinceStart === 0) throw new CaffeFormatError(store.path, 'the database holds no rows');
      this.#length = this.#sinceStart;
      this.#sinceStart = 0;
      await store.rewind();
      row = await store.next();
      if (!row) throw new CaffeFormatError(store.path, 'the database holds no rows');
    }
    this.#sinceStart++;
    return row;
  }

  #parse({ key, value }: StoreRow): Item {
    const origin = `${this.#parts.store.path}, key ${keyText(key)}`;
    return { datum: parseDatum(value, origin), origin };
  }

  #pixels({ datum, origin }: Item): Promise<Pixels> {
    return datumPixels(datum, this.#parts.forced, origin);
  }
}
