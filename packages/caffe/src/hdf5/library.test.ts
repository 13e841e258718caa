import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CaffeFileError, CaffeFormatError } from '../errors.js';
import { Dataset, makeHdf5, numbersOf, withHdf5 } from './library.js';

const scratch = mkdtempSync(join(tmpdir(), 'softxent-hdf5-'));
afterAll(() => rmSync(scratch, { recursive: true }));

async function readBack(name: string, partBytes?: number): Promise<Float32Array | Float64Array> {
  const file = join(scratch, 'numbers.h5');
  return withHdf5(file, (root) => {
    const dataset = root.get(name);
    if (!(dataset instanceof Dataset)) throw new TypeError(name);
    return numbersOf(file, name, dataset, partBytes);
  });
}

describe('HDF5 data sets', () => {
  const floats = Float32Array.from({ length: 7 * 5 * 2 }, (_, i) => i / 3);

  test('numbers of every kind are read', async () => {
    await makeHdf5(join(scratch, 'numbers.h5'), (root) => {
      root.create_dataset({ name: 'f', data: floats, shape: [7, 5, 2], dtype: '<f' });
      root.create_dataset({
        name: 'chunked',
        data: floats,
        shape: [7, 5, 2],
        dtype: '<f',
        chunks: [2, 5, 1],
        compression: 'gzip',
      });
      root.create_dataset({ name: 'd', data: Float64Array.from(floats), shape: [70], dtype: '<d' });
      root.create_dataset({ name: 'i', data: Int32Array.of(-1, 2), shape: [2], dtype: '<i' });
      root.create_dataset({ name: 'scalar', data: Float32Array.of(1.5), shape: [], dtype: '<f' });
      root.create_dataset({ name: 'text', data: 'no number', shape: [], dtype: 'A9' });
    });
    expect(await readBack('f')).toEqual(floats);
    expect(await readBack('d')).toEqual(Float64Array.from(floats));
    expect([...(await readBack('i'))]).toEqual([-1, 2]);
    expect([...(await readBack('scalar'))]).toEqual([1.5]);
    await expect(readBack('text')).rejects.toThrow("data set 'text' holds no numbers");
  });

  test.each([1, 50, 100, 1000])('parts of %i bytes make the same whole', async (partBytes) => {
    expect(await readBack('f', partBytes)).toEqual(floats);
    expect(await readBack('chunked', partBytes)).toEqual(floats);
    expect(await readBack('d', partBytes)).toEqual(Float64Array.from(floats));
  });

  test('a missing file and one of another format are told apart', async () => {
    await expect(withHdf5(join(scratch, 'none.h5'), () => 0)).rejects.toBeInstanceOf(CaffeFileError);
    const file = join(scratch, 'text.h5');
    writeFileSync(file, 'name: "x"');
    await expect(withHdf5(file, () => 0)).rejects.toBeInstanceOf(CaffeFormatError);
  });
});
