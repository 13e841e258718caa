import { resolve } from 'node:path';
import { Random } from '../fillers/random.js';
import { has } from '../schema/message.js';
import type { LayerParameter } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import type { ListedFile } from './files.js';
import { checkListedFiles } from './files.js';
import { readHdf5Datasets } from './hdf5-file.js';
import { readWordList } from './list-file.js';
import type { Batch, BatchSource, BatchTensor, SourceContext } from './source.js';
import { layerError, positiveBatchSize, shapeText, topNames } from './source.js';

/** One file of the list, in memory. */
interface Loaded {
  readonly file: string;
  readonly rows: number;
  readonly blobs: readonly BatchTensor[];
  readonly order: readonly number[] | undefined;
}

/**
 * Caffe's `HDF5Data` layer: the rows of the HDF5 files of a list, file after file, over and over; batches run across files. Each
 * top takes the data set of its own name. `shuffle` puts the files and, within each file, the rows in another random order
 * every round. One file at a time is held in memory.
 */
export async function openHdf5Source(layer: LayerParameter, context: SourceContext): Promise<BatchSource> {
  const { hdf5_data_param: param } = layer;
  const tops = topNames(layer, 1, Infinity);
  if (has(layer, 'transform_param'))
    throw layerError(layer, 'found a transform_param, but HDF5Data transforms nothing');
  const batchSize = positiveBatchSize(layer, param.batch_size);
  if (param.source === '') throw layerError(layer, 'hdf5_data_param has no source');
  const list = resolve(context.folder, param.source);
  const files = (await readWordList(list, 1, 'a file name')).map(({ line, fields: [name] }) => ({
    line,
    file: resolve(context.folder, name!),
  }));
  checkListedFiles(list, files);
  const source = new Hdf5Source({ tops, batchSize, files, shuffle: param.shuffle, seed: context.seed });
  await source.start();
  return source;
}

interface Parts {
  readonly tops: readonly string[];
  readonly batchSize: number;
  readonly files: readonly ListedFile[];
  readonly shuffle: boolean;
  readonly seed: number;
}

class Hdf5Source implements BatchSource {
  readonly tops = new Map<string, readonly number[]>();
  readonly #parts: Parts;
  readonly #rowShapes: (readonly number[])[] = [];
  readonly #rowsOf = new Map<string, number>();
  #round = 0;
  #place = 0;
  #row = 0;
  /** How often a file was begun: seeds the order of its rows. */
  #visit = 0;
  #loaded: Loaded | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Known once every file has been read. */
  get length(): number | undefined {
    if (this.#rowsOf.size < new Set(this.#parts.files.map(({ file }) => file)).size) return undefined;
    return this.#parts.files.reduce((sum, { file }) => sum + this.#rowsOf.get(file)!, 0);
  }

  /** Loads the first file, which gives the shapes. */
  async start(): Promise<void> {
    const { tops, batchSize } = this.#parts;
    const { blobs } = await this.#current();
    blobs.forEach(({ shape }, i) => {
      this.#rowShapes.push(shape.slice(1));
      this.tops.set(tops[i]!, [batchSize, ...shape.slice(1)]);
    });
  }

  async next(): Promise<Batch> {
    const { tops, batchSize } = this.#parts;
    const shapes = this.#rowShapes.map((shape) => [batchSize, ...shape]);
    const targets = shapes.map((shape) => new Float32Array(shape.reduce((a, b) => a * b, 1)));
    for (let i = 0; i < batchSize; i++) {
      const { blobs, order } = await this.#current();
      const row = order ? order[this.#row]! : this.#row;
      blobs.forEach(({ data }, top) => {
        const target = targets[top]!;
        const size = target.length / batchSize;
        target.set(data.subarray(row * size, (row + 1) * size), i * size);
      });
      this.#advance(1);
    }
    return new Map(tops.map((top, i) => [top, { shape: shapes[i]!, data: targets[i]! }]));
  }

  async skip(batches: number): Promise<void> {
    let rows = batches * this.#parts.batchSize;
    while (rows > 0) {
      const step = Math.min(rows, (await this.#current()).rows - this.#row);
      this.#advance(step);
      rows -= step;
    }
  }

  close(): Promise<void> {
    this.#loaded = undefined;
    return Promise.resolve();
  }

  /** Passes over rows of the file that is open, at most to its end. */
  #advance(rows: number): void {
    this.#row += rows;
    if (this.#row < this.#loaded!.rows) return;
    this.#row = 0;
    this.#visit++;
    this.#place++;
    const { files, shuffle } = this.#parts;
    if (this.#place === files.length) {
      this.#place = 0;
      this.#round++;
    }
    // A single file stays in memory; its rows get another order.
    if (files.length > 1) this.#loaded = undefined;
    else if (shuffle) this.#loaded = { ...this.#loaded!, order: this.#order(this.#loaded!.rows) };
  }

  #order(rows: number): readonly number[] | undefined {
    if (!this.#parts.shuffle) return undefined;
    const order = Array.from({ length: rows }, (_, i) => i);
    new Random(this.#parts.seed, 4, this.#visit).shuffle(order);
    return order;
  }

  #fileOfPlace(): ListedFile {
    const { files, shuffle, seed } = this.#parts;
    const order = files.map((_, i) => i);
    if (shuffle) new Random(seed, 0, this.#round).shuffle(order);
    return files[order[this.#place]!]!;
  }

  async #current(): Promise<Loaded> {
    this.#loaded ??= await this.#load(this.#fileOfPlace().file);
    return this.#loaded;
  }

  async #load(file: string): Promise<Loaded> {
    const { tops } = this.#parts;
    const found = await readHdf5Datasets(file, tops);
    const blobs = tops.map((top) => found.get(top)!);
    blobs.forEach(({ shape }, i) => this.#checkShape(file, tops[i]!, shape, blobs[0]!.shape[0]));
    const rows = blobs[0]!.shape[0]!;
    this.#rowsOf.set(file, rows);
    return { file, rows, blobs, order: this.#order(rows) };
  }

  #checkShape(file: string, top: string, shape: readonly number[], rows: number | undefined): void {
    const origin = `${file}, data set '${top}'`;
    if (shape.length === 0 || shape[0] === 0) throw new DataShapeError(origin, 'found no rows');
    if (shape[0] !== rows) {
      throw new DataShapeError(
        origin,
        `found ${shape[0]} rows, expected ${rows} as in '${this.#parts.tops[0]}'`,
      );
    }
    const expected = this.#rowShapes[this.#parts.tops.indexOf(top)];
    if (expected && shapeText(expected) !== shapeText(shape.slice(1))) {
      throw new DataShapeError(
        origin,
        `found rows of ${shapeText(shape.slice(1))}, expected ${shapeText(expected)} as in the first file`,
      );
    }
  }
}
