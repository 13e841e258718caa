import { statSync } from 'node:fs';
import { Dataset, File as Hdf5File, Group, ready } from 'h5wasm/node';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { fileError, replaceFile } from '../files.js';

export { Dataset, Group, Hdf5File };

/** HDF5 reports a stack of calls; the last that says something of the system, else the deepest, says what was wrong. */
function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const system = /error message = '([^']+)'/.exec(text)?.[1];
  if (system !== undefined) return system;
  const frames = [...text.matchAll(/^\s*#\d+: .*?\(\): (.*)$/gm)];
  return frames.at(-1)?.[1] ?? text.trim();
}

/** Without this, HDF5 writes its errors to standard error and goes on with nothing. */
async function prepare(): Promise<void> {
  const library = await ready;
  library.activate_throwing_error_handler();
}

/**
 * Opens an HDF5 file, hands it to `use` and closes it.
 * @throws CaffeFileError when there is no such file, CaffeFormatError when it is no HDF5 file or corrupt.
 */
export async function withHdf5<T>(file: string, use: (root: Hdf5File) => T): Promise<T> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new CaffeFileError(file, 'no such file');
  await prepare();
  let root: Hdf5File;
  try {
    root = new Hdf5File(file, 'r');
  } catch (cause) {
    throw new CaffeFormatError(file, `not a readable HDF5 file, or truncated or corrupt (${reason(cause)})`, {
      cause,
    });
  }
  try {
    return use(root);
  } catch (cause) {
    if (cause instanceof CaffeFormatError) throw cause;
    throw new CaffeFormatError(file, `a corrupt HDF5 file (${reason(cause)})`, { cause });
  } finally {
    root.close();
  }
}

/**
 * Makes an HDF5 file, replacing one of that name as a whole or not at all.
 * @throws CaffeFileError when it cannot be written.
 */
export async function makeHdf5(file: string, fill: (root: Hdf5File) => void): Promise<void> {
  await prepare();
  await replaceFile(file, async (temporary) => {
    let root: Hdf5File | undefined;
    try {
      root = new Hdf5File(temporary, 'w');
      fill(root);
      root.flush();
      root.close();
    } catch (cause) {
      try {
        root?.close();
      } catch {
        // The first error is the one to report.
      }
      if (cause instanceof CaffeFormatError) throw cause;
      throw fileError(file, new Error(`cannot be written (${reason(cause)})`, { cause }));
    }
    await Promise.resolve();
  });
}

const CLASS_INTEGER = 0;
const CLASS_FLOAT = 1;

/** Larger data sets are read in parts: the memory of the WebAssembly library grows to the largest part and never shrinks. */
const PART_BYTES = 2 ** 26;

function readInParts(
  dataset: Dataset,
  shape: readonly number[],
  partBytes: number,
): Float32Array | Float64Array {
  const { size, total_size: total, chunks } = dataset.metadata;
  const all = size === 8 ? new Float64Array(total) : new Float32Array(total);
  const rows = shape[0] ?? 1;
  const rowLength = total / rows;
  // Whole chunks at a time, so that none is unpacked twice.
  const unit = chunks?.[0] ?? 1;
  const step = Math.max(1, Math.floor(partBytes / (rowLength * size * unit))) * unit;
  for (let row = 0; row < rows; row += step) {
    const part = dataset.slice([[row, Math.min(row + step, rows)]]);
    all.set(part as Float32Array, row * rowLength);
  }
  return all;
}

/** The numbers of a data set as float32 or float64 values. */
export function numbersOf(
  file: string,
  path: string,
  dataset: Dataset,
  partBytes = PART_BYTES,
): Float32Array | Float64Array {
  const { type, size, littleEndian } = dataset.metadata;
  const readable = type === CLASS_FLOAT ? size === 4 || size === 8 : type === CLASS_INTEGER;
  if (!readable)
    throw new CaffeFormatError(
      file,
      `data set '${path}' holds no numbers (HDF5 type ${JSON.stringify(dataset.dtype)})`,
    );
  if (!littleEndian && size > 1)
    throw new CaffeFormatError(file, `data set '${path}' is big-endian, expected little-endian`);
  const { shape } = dataset;
  if (type === CLASS_FLOAT && shape && shape.length > 0 && dataset.metadata.total_size * size > partBytes) {
    return readInParts(dataset, shape, partBytes);
  }
  const { value } = dataset;
  if (value instanceof Float32Array || value instanceof Float64Array) return value;
  if (ArrayBuffer.isView(value))
    return Float64Array.from(value as unknown as ArrayLike<number | bigint>, Number);
  return Float64Array.of(Number(value));
}

/** Puts float32 values under a name. */
export function putFloats(group: Group, name: string, shape: readonly number[], data: Float32Array): void {
  group.create_dataset({ name, data, shape: [...shape], dtype: '<f' });
}
