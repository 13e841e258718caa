import { CaffeFormatError } from '../errors.js';
import { Dataset, withHdf5 } from '../hdf5/library.js';
import type { BatchTensor } from './source.js';
import { countOf } from './source.js';

/** Data sets larger than this are read in parts: the library's memory never shrinks. */
const partBytes = 64 * 2 ** 20;

const classInteger = 0;
const classFloat = 1;

type Numbers = Exclude<Dataset['value'], null | undefined>;

function convert(target: Float32Array, offset: number, part: Numbers): void {
  if (typeof part === 'number' || typeof part === 'bigint') {
    target[offset] = Number(part);
    return;
  }
  if (!ArrayBuffer.isView(part)) throw new Error(`read as ${typeof part}`);
  if (part instanceof BigInt64Array || part instanceof BigUint64Array) {
    for (let i = 0; i < part.length; i++) target[offset + i] = Number(part[i]);
    return;
  }
  target.set(part, offset);
}

function readDataset(dataset: Dataset): BatchTensor {
  const { metadata } = dataset;
  const shape = [...(dataset.shape ?? [])];
  const data = new Float32Array(countOf(shape));
  const rows = shape[0] ?? 1;
  const rowSize = data.length / rows;
  if (data.length * metadata.size <= partBytes || shape.length === 0) {
    if (data.length > 0) convert(data, 0, dataset.value as Numbers);
    return { shape, data };
  }
  // Whole chunks at a time, so that no chunk is unpacked twice.
  const chunkRows = metadata.chunks?.[0] ?? 1;
  const step = Math.max(1, Math.floor(partBytes / (rowSize * metadata.size * chunkRows))) * chunkRows;
  for (let row = 0; row < rows; row += step) {
    const part = dataset.slice([[row, Math.min(row + step, rows)]]) as Numbers;
    convert(data, row * rowSize, part);
  }
  return { shape, data };
}

/**
 * Reads data sets of an HDF5 file as float32, whatever whole or real numbers they hold, as Caffe does.
 * @throws CaffeFileError when there is no such file, CaffeFormatError when it is no HDF5 file or corrupt, when a data set is missing
 * or holds no numbers.
 */
export function readHdf5Datasets(file: string, names: readonly string[]): Promise<Map<string, BatchTensor>> {
  return withHdf5(file, (root) => {
    const result = new Map<string, BatchTensor>();
    for (const name of names) {
      const found = root.get(name);
      if (!(found instanceof Dataset)) {
        const present = root.keys().join(', ');
        throw new CaffeFormatError(file, `has no data set '${name}' (it has ${present || 'none'})`);
      }
      const { type, size } = found.metadata;
      if (type !== classInteger && type !== classFloat) {
        const kind = JSON.stringify(found.dtype);
        throw new CaffeFormatError(file, `data set '${name}' holds no numbers (HDF5 type ${kind})`);
      }
      if (type === classFloat && size !== 4 && size !== 8) {
        throw new CaffeFormatError(
          file,
          `data set '${name}' holds floats of ${8 * size} bits, expected 32 or 64`,
        );
      }
      result.set(name, readDataset(found));
    }
    return result;
  });
}
