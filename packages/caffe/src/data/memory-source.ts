import type { LayerParameter } from '../schema/messages.js';
import { DataShapeError } from './errors.js';
import type { Batch, BatchSource } from './source.js';
import { countOf, layerError, topNames } from './source.js';

/** The arrays that a MemoryData layer hands out. */
export interface MemoryArrays {
  /** Rows x channels x height x width. */
  readonly data: Float32Array;
  /** One for each row; need not be whole. */
  readonly labels: Float32Array;
}

/**
 * Caffe's `MemoryData` layer: batches from arrays, over and over. Tops: data N x C x H x W and labels N x 1 x 1 x 1.
 * @throws CaffeNetError unless batch_size, channels, height and width are positive; DataShapeError unless the arrays hold a
 * whole number of batches.
 */
export function memorySource(layer: LayerParameter, { data, labels }: MemoryArrays): BatchSource {
  const [dataTop, labelTop] = topNames(layer, 2, 2) as [string, string];
  const { batch_size: batchSize, channels, height, width } = layer.memory_data_param;
  const shape = [batchSize, channels, height, width];
  if (!shape.every((dim) => dim > 0)) {
    throw layerError(layer, 'memory_data_param: expected positive batch_size, channels, height and width');
  }
  const size = countOf(shape) / batchSize;
  const rows = data.length / size;
  if (rows === 0 || rows % batchSize !== 0) {
    throw new DataShapeError(
      `top '${dataTop}'`,
      `found ${data.length} values, expected a multiple of ${batchSize}x${channels}x${height}x${width}`,
    );
  }
  if (labels.length !== rows) {
    throw new DataShapeError(
      `top '${labelTop}'`,
      `found ${labels.length} labels, expected one for each of ${rows} rows`,
    );
  }
  const labelShape = [batchSize, 1, 1, 1];
  let position = 0;
  const next = (): Batch => {
    const from = position;
    position = (position + batchSize) % rows;
    return new Map([
      [dataTop, { shape, data: data.slice(from * size, (from + batchSize) * size) }],
      [labelTop, { shape: labelShape, data: labels.slice(from, from + batchSize) }],
    ]);
  };
  return {
    tops: new Map([
      [dataTop, shape],
      [labelTop, labelShape],
    ]),
    length: rows,
    next: () => Promise.resolve(next()),
    skip: (batches) => {
      position = (position + batches * batchSize) % rows;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
