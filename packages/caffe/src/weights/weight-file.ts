import { decodeMessage, MAX_MESSAGE_BYTES, tooLarge } from '../binary/decode.js';
import { encodeChunks } from '../binary/encode.js';
import { fileSize, readBytes, readStart, writeBytes } from '../files.js';
import { readHdf5Weights, writeHdf5Weights } from '../hdf5/weights.js';
import type { MessageName } from '../schema/descriptors.js';
import type { BlobProto, MessageTypes, NetParameter } from '../schema/messages.js';
import type { Net } from '../net/net.js';
import { clear, clone, create } from '../schema/message.js';
import { upgradeNet } from '../upgrade/upgrade.js';
import type { StoredBlob } from './blob.js';
import { blobProto, blobValues, storedBlob } from './blob.js';

/** The parameters of one layer of a weight file. */
export interface WeightLayer {
  readonly name: string;
  /** The layer's type; HDF5 files do not hold it. */
  readonly type: string | undefined;
  /** A hole is a parameter that an HDF5 file does not hold because another layer owns it. */
  readonly blobs: readonly (StoredBlob | undefined)[];
}

/** A weight file in either format. */
export interface WeightFile {
  readonly file: string;
  readonly format: 'binary' | 'hdf5';
  readonly layers: readonly WeightLayer[];
  /** The whole net of a binary file, upgraded to today's format. */
  readonly net: NetParameter | undefined;
  readonly warnings: readonly string[];
}

const HDF5_SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether a file is HDF5, by its first bytes. @throws CaffeFileError when it cannot be read. */
export async function isHdf5File(file: string): Promise<boolean> {
  const start = await readStart(file, HDF5_SIGNATURE.length);
  return start.length === HDF5_SIGNATURE.length && HDF5_SIGNATURE.every((byte, i) => start[i] === byte);
}

/**
 * Reads a binary message from a file: a caffemodel (`NetParameter`, not upgraded), a solverstate (`SolverState`), a mean
 * (`BlobProto`).
 * @throws CaffeFileError when the file cannot be read, CaffeFormatError when it is truncated, corrupt or over 2 GiB.
 */
export async function readMessage<N extends MessageName>(
  name: N,
  file: string,
  onWarning?: (message: string) => void,
): Promise<MessageTypes[N]> {
  const size = await fileSize(file);
  if (size > MAX_MESSAGE_BYTES) throw tooLarge(file, size);
  return decodeMessage(name, await readBytes(file), onWarning ? { file, onWarning } : { file });
}

/** Reads the blob of a `mean.binaryproto` or an infogain matrix. @throws as {@link readMessage}. */
export async function readBlobFile(file: string): Promise<{ shape: readonly number[]; data: Float32Array }> {
  return blobValues(await readMessage('BlobProto', file), file);
}

/** The weights of a net message of any generation. */
export function weightsOf(net: NetParameter, file: string, warnings: readonly string[] = []): WeightFile {
  const found = [...warnings];
  const upgraded = upgradeNet(net, { onWarning: (warning) => found.push(`${file}: ${warning}`) });
  const layers = upgraded.layer.map(({ name, type, blobs }) => ({
    name,
    type,
    blobs: blobs.map(storedBlob),
  }));
  return { file, format: 'binary', layers, net: upgraded, warnings: found };
}

/**
 * Reads the weights of a caffemodel of any generation, or of a caffemodel.h5; the format is known by its first bytes.
 * @throws CaffeFileError, CaffeFormatError
 */
export async function readWeights(file: string): Promise<WeightFile> {
  if (await isHdf5File(file)) return readHdf5Weights(file);
  const warnings: string[] = [];
  const net = await readMessage('NetParameter', file, (warning) => warnings.push(warning));
  return weightsOf(net, file, warnings);
}

/** The parameters of a net, and what a solver adds to them. */
export interface NetValues {
  /** One array per `Net.learnable`. */
  readonly data: readonly Float32Array[];
  /** Gradients, for `snapshot_diff`. */
  readonly diff?: readonly Float32Array[];
}

function blobsOf(net: Net, params: readonly number[], values: NetValues): BlobProto[] {
  return params.map((id) => {
    const param = net.params[id];
    const data = values.data[param?.learnable ?? -1];
    if (!param || !data) throw new RangeError(`no values for parameter ${id}`);
    return blobProto(param.shape, data, values.diff?.[param.learnable]);
  });
}

/**
 * The net with its weights as Caffe writes it into a caffemodel: every layer, splits too, with its parameters; a shared
 * parameter stands in every layer that shares it. The numbers are shared with `values`.
 */
export function netWithWeights(net: Net, values: NetValues): NetParameter {
  const param = create('NetParameter', { name: net.name });
  param.layer = net.layers.map((layer) => {
    const copy = clone(layer.param);
    clear(copy, 'blobs');
    if (layer.params.length > 0) copy.blobs = blobsOf(net, layer.params, values);
    return copy;
  });
  return param;
}

/**
 * Writes a message in binary form; the file is replaced as a whole or not at all.
 * @throws CaffeFormatError beyond 2 GiB, CaffeFileError
 */
export async function writeMessage(file: string, message: MessageTypes[MessageName]): Promise<void> {
  await writeBytes(file, encodeChunks(message, file).chunks);
}

/**
 * Writes a net's weights: a caffemodel, or for `hdf5` a caffemodel.h5 in Caffe's layout. The file is replaced as a whole or
 * not at all.
 * @throws CaffeFormatError, CaffeFileError
 */
export async function writeWeights(
  file: string,
  net: Net,
  values: NetValues,
  format: 'binary' | 'hdf5',
): Promise<void> {
  if (format === 'hdf5') await writeHdf5Weights(file, net, values);
  else await writeMessage(file, netWithWeights(net, values));
}
