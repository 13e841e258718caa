import { CaffeWeightsError } from '../errors.js';
import type { Net, NetLayer } from '../net/net.js';
import { sameShape, shapeText } from '../net/shape.js';
import type { StoredBlob } from './blob.js';
import { checkBlobData, fitsShape } from './blob.js';
import type { WeightFile, WeightLayer } from './weight-file.js';

/** What copying weights did. */
export interface CopyReport {
  /** The net's layers that got their parameters from the file. */
  readonly copied: readonly string[];
  /** The file's layers that the net does not have. */
  readonly ignored: readonly string[];
  /** The net's layers with parameters that the file does not have, also not through sharing; they keep their values. */
  readonly untouched: readonly string[];
  /** What looks wrong but is not refused: nothing copied at all, values that are not finite. */
  readonly warnings: readonly string[];
}

interface Assignment {
  readonly layer: NetLayer;
  readonly position: number;
  readonly values: Float32Array;
  readonly blob: StoredBlob;
}

function wrongCount(file: string, layer: NetLayer, found: number): CaffeWeightsError {
  return new CaffeWeightsError(
    file,
    `incompatible number of blobs for layer '${layer.name}' (${layer.type}): the net has ${layer.params.length}, the file ${found}`,
  );
}

function checkBlob(weights: WeightFile, net: Net, layer: NetLayer, position: number, blob: StoredBlob): void {
  const { file } = weights;
  const shape = net.params[layer.params[position] ?? -1]?.shape ?? [];
  const what = `parameter ${position} of layer '${layer.name}'`;
  // A blob without a shape is a scalar; with more than one value it is a broken file, not a shape of another net.
  if (!blob.legacy && blob.shape.length === 0 && shape.length > 0) checkBlobData(blob, what, file);
  if (weights.format === 'hdf5' ? !sameShape(blob.shape, shape) : !fitsShape(blob, shape)) {
    throw new CaffeWeightsError(
      file,
      `cannot copy ${what} (${layer.type}): shape mismatch: the file has ${shapeText(blob.shape)}, the net ${shapeText(shape)}. ` +
        'To learn this layer from scratch instead, give it another name in the prototxt',
    );
  }
  checkBlobData(blob, what, file);
}

/** Finds what goes where; refuses everything that does not fit before a single value is written. */
function assign(
  weights: WeightFile,
  net: Net,
  values: readonly Float32Array[],
  source: WeightLayer,
  layer: NetLayer,
): Assignment[] {
  const { file } = weights;
  const count = source.blobs.length;
  if (weights.format === 'hdf5' ? count > layer.params.length : count !== layer.params.length) {
    throw wrongCount(file, layer, count);
  }
  return layer.params.flatMap((id, position) => {
    const blob = source.blobs[position];
    const param = net.params[id];
    const target = values[param?.learnable ?? -1];
    if (!param || !target)
      throw new RangeError(`no values for parameter ${position} of layer '${layer.name}'`);
    if (!blob) {
      // HDF5 files hold a shared parameter once, with its owner.
      if (param.owner !== undefined) return [];
      throw wrongCount(file, layer, source.blobs.filter(Boolean).length);
    }
    checkBlob(weights, net, layer, position, blob);
    return [{ layer, position, values: target, blob }];
  });
}

function notFinite(assignments: readonly Assignment[], file: string): string[] {
  return assignments.flatMap(({ layer, position, blob }) => {
    let count = 0;
    const { data } = blob;
    // x - x is 0 for every finite x: faster than Number.isFinite over a hundred million values.
    for (let i = 0; i < data.length; i++) if (data[i]! - data[i]! !== 0) count++;
    return count === 0
      ? []
      : [
          `${file}: ${count} of the ${blob.data.length} values of parameter ${position} of layer '${layer.name}' are NaN or infinite`,
        ];
  });
}

/**
 * Copies weights into a net's parameters by layer name, as Caffe's `-weights` does: layers that only one of the two has are
 * left alone, types are not compared, a layer that stands in the file twice is copied twice. `values` are the net's
 * parameters, one array per `Net.learnable`. If anything does not fit, nothing is copied.
 * @throws CaffeWeightsError for another number of blobs or other shapes, CaffeFormatError for blobs that are broken.
 */
export function copyWeights(net: Net, values: readonly Float32Array[], weights: WeightFile): CopyReport {
  const { file } = weights;
  // As Caffe looks names up: the first layer of a name from binary files, the last from HDF5.
  const byName = new Map<string, NetLayer>();
  for (const layer of net.layers) {
    if (weights.format === 'hdf5' || !byName.has(layer.name)) byName.set(layer.name, layer);
  }
  const assignments: Assignment[] = [];
  const ignored: string[] = [];
  for (const source of weights.layers) {
    const layer = byName.get(source.name);
    if (layer) assignments.push(...assign(weights, net, values, source, layer));
    else ignored.push(source.name);
  }
  const warnings = [...weights.warnings, ...notFinite(assignments, file)];
  for (const { values: target, blob } of assignments) target.set(blob.data);
  const copied = new Set(assignments.map(({ layer }) => layer.name));
  // A layer is covered, too, when all of its parameters are shared with layers that were copied.
  const written = new Set(assignments.map(({ values: target }) => target));
  const untouched = net.layers
    .filter((layer) =>
      layer.params.some((id) => !written.has(values[net.params[id]?.learnable ?? -1] ?? new Float32Array())),
    )
    .map(({ name }) => name);
  if (copied.size === 0) {
    warnings.push(
      weights.layers.length === 0
        ? `${file}: holds no layers; nothing was copied`
        : `${file}: nothing was copied: none of its ${weights.layers.length} layers (${weights.layers
            .map(({ name }) => name)
            .slice(0, 10)
            .join(', ')}) is in the net with parameters`,
    );
  }
  return { copied: [...copied], ignored, untouched, warnings };
}
