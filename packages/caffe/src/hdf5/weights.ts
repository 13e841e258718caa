import { CaffeFormatError } from '../errors.js';
import type { Net } from '../net/net.js';
import type { StoredBlob } from '../weights/blob.js';
import type { NetValues, WeightFile, WeightLayer } from '../weights/weight-file.js';
import { Dataset, Group, makeHdf5, numbersOf, putFloats, withHdf5 } from './library.js';

function readBlobs(
  file: string,
  path: string,
  group: Group,
  diffs: Group | undefined,
): (StoredBlob | undefined)[] {
  const blobs: (StoredBlob | undefined)[] = [];
  for (const name of group.keys()) {
    const dataset = group.get(name);
    if (!/^\d+$/.test(name) || !(dataset instanceof Dataset)) {
      throw new CaffeFormatError(
        file,
        `'${path}/${name}' is not a parameter; expected data sets named 0, 1, ...`,
      );
    }
    const diff = diffs?.get(name);
    blobs[Number(name)] = {
      shape: [...(dataset.shape ?? [])],
      legacy: false,
      data: numbersOf(file, `${path}/${name}`, dataset),
      diff: diff instanceof Dataset ? numbersOf(file, `diff/${name}`, diff) : undefined,
    };
  }
  return Array.from(blobs);
}

/**
 * Reads the weights of a caffemodel.h5: a group `data` with a group per layer, in it the data sets 0, 1, ... .
 * @throws CaffeFileError, CaffeFormatError
 */
export async function readHdf5Weights(file: string): Promise<WeightFile> {
  const layers = await withHdf5(file, (root) => {
    const data = root.get('data');
    const diff = root.get('diff');
    if (!(data instanceof Group)) {
      throw new CaffeFormatError(
        file,
        `has no group 'data' (it has ${root.keys().join(', ') || 'nothing'}); expected a caffemodel.h5`,
      );
    }
    return data.keys().map((name): WeightLayer => {
      const group = data.get(name);
      if (!(group instanceof Group))
        throw new CaffeFormatError(file, `'data/${name}' is not a group; expected one per layer`);
      const diffs = diff instanceof Group ? diff.get(name) : undefined;
      return {
        name,
        type: undefined,
        blobs: readBlobs(file, `data/${name}`, group, diffs instanceof Group ? diffs : undefined),
      };
    });
  });
  return { file, format: 'hdf5', layers, net: undefined, warnings: [] };
}

function checkNames(file: string, layers: Iterable<{ readonly name: string }>): void {
  const seen = new Set<string>();
  for (const { name } of layers) {
    // HDF5 takes a slash for a group within a group, and a name once only.
    if (name.includes('/') || name === '' || name === '.')
      throw new CaffeFormatError(file, `HDF5 cannot hold a layer named '${name}'; use the binary format`);
    if (seen.has(name))
      throw new CaffeFormatError(
        file,
        `two layers are named '${name}', and HDF5 holds one of a name; use the binary format`,
      );
    seen.add(name);
  }
}

/**
 * Writes weights that were read from a file, without knowing the net: a group per layer with all of its parameters, shared ones too.
 * @throws CaffeFormatError for a layer name that HDF5 cannot hold, CaffeFileError
 */
export async function writeHdf5Layers(file: string, layers: readonly WeightLayer[]): Promise<void> {
  checkNames(file, layers);
  await makeHdf5(file, (root) => {
    const data = root.create_group('data');
    for (const { name, blobs } of layers) {
      const group = data.create_group(name);
      for (const [i, blob] of blobs.entries()) {
        if (blob) putFloats(group, String(i), blob.shape, Float32Array.from(blob.data));
      }
    }
  });
}

/**
 * Writes a net's weights as Caffe does: a group per layer, in name order on reading; a shared parameter stands with its owner
 * only. Gradients go into a group `diff`, with every layer that has them.
 * @throws CaffeFormatError for a layer name that HDF5 cannot hold, CaffeFileError
 */
export async function writeHdf5Weights(file: string, net: Net, values: NetValues): Promise<void> {
  checkNames(file, net.layers);
  await makeHdf5(file, (root) => {
    const data = root.create_group('data');
    const diff = values.diff ? root.create_group('diff') : undefined;
    for (const layer of net.layers) {
      const group = data.create_group(layer.name);
      const diffs = diff?.create_group(layer.name);
      for (const id of layer.params) {
        const param = net.params[id];
        const numbers = values.data[param?.learnable ?? -1];
        if (!param || !numbers) throw new RangeError(`no values for parameter ${id}`);
        if (param.owner === undefined) putFloats(group, String(param.position), param.shape, numbers);
        const gradients = values.diff?.[param.learnable];
        if (diffs && gradients) putFloats(diffs, String(param.position), param.shape, gradients);
      }
    }
  });
}
