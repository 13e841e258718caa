import type { LayerParameter } from '../schema/messages.js';
import { openDatabaseSource } from './database-source.js';
import { openDummySource } from './dummy-source.js';
import { openHdf5Source } from './hdf5-source.js';
import { openImageSource } from './image-source.js';
import { openLabelmapSource } from './labelmap-source.js';
import type { BatchSource, SourceContext, SourceOptions } from './source.js';
import { layerError } from './source.js';

type Open = (layer: LayerParameter, context: SourceContext) => Promise<BatchSource>;

const openers: ReadonlyMap<string, Open> = new Map<string, Open>([
  ['Data', openDatabaseSource],
  ['DummyData', openDummySource],
  ['HDF5Data', openHdf5Source],
  ['ImageData', openImageSource],
  ['ImageLabelmapData', openLabelmapSource],
]);

/** The layer types that {@link openBatchSource} opens. */
export const sourceLayerTypes: readonly string[] = [...openers.keys()];

/**
 * Opens the data of an input layer: Data, DummyData, HDF5Data, ImageData or ImageLabelmapData. Batches come in Caffe's order with
 * Caffe's values; what Caffe draws at random is drawn from `seed` instead. (Input and MemoryData layers have no data of their
 * own: see `memorySource`.)
 *
 * @throws CaffeNetError for parameters that make no sense (naming layer, type and line), CaffeFileError and ListEntryError
 * for files that are missing or cannot be read, CaffeFormatError for corrupt ones, DataShapeError for data that do not
 * fit; the last two also later, from `next`.
 */
export async function openBatchSource(layer: LayerParameter, options: SourceOptions): Promise<BatchSource> {
  const open = openers.get(layer.type);
  if (!open) {
    throw layerError(layer, `has no data to read; the layers that have are ${sourceLayerTypes.join(', ')}`);
  }
  return open(layer, {
    seed: 0,
    folder: process.cwd(),
    cacheBytes: 256 * 2 ** 20,
    warn: () => {},
    ...options,
  });
}
