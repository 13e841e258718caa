import { resolve } from 'node:path';
import type { BlobProto, NetParameter, SolverState, StoredBlob, WeightLayer } from '@softxent/caffe';
import {
  blobProto,
  buildNet,
  copyWeights,
  create,
  exportNet,
  filledParams,
  layerTypes,
  netWithWeights,
  printText,
  readNetFile,
  readWeights,
  storedBlob,
  weightsOf,
  writeBytes,
  writeHdf5Layers,
  writeMessage,
  writeSolverState,
  writeText,
} from '@softxent/caffe';
import { SoftxentError } from '@softxent/core';
import type { Command } from 'commander';
import type { CaffeFile } from '../caffe-file.js';
import { readCaffeFile } from '../caffe-file.js';
import type { StateFlags } from '../flags.js';
import { names, withState } from '../flags.js';
import { inferenceNet } from '../inference.js';
import type { Surroundings } from '../surroundings.js';
import { CommandError, UsageError } from '../surroundings.js';

interface ConvertFlags extends StateFlags {
  readonly to?: Target;
  readonly model?: string;
  readonly weights?: string[];
  readonly probabilities?: boolean;
}

const targets = ['text', 'binary', 'hdf5', 'onnx'] as const;
type Target = (typeof targets)[number];

const extensions: readonly [RegExp, Target][] = [
  [/\.onnx$/i, 'onnx'],
  [/\.(h5|hdf5)$/i, 'hdf5'],
  [/\.(prototxt|pbtxt|txt|solver)$/i, 'text'],
  [/\.(caffemodel|solverstate|binaryproto|pb)$/i, 'binary'],
];

/** Adds the verb `convert`. */
export function addConvert(program: Command, around: Surroundings): void {
  const command = program
    .command('convert')
    .description(
      "convert between binary, text and HDF5 by the names' endings, or export the net that predicts to .onnx",
    )
    .argument('<in>', 'a net, weights, a solver, a solverstate or a mean, in any format')
    .argument('<out>', '.caffemodel, .solverstate, .binaryproto; .prototxt, .txt; .h5; .onnx')
    .option(
      '--to <format>',
      `${targets.join(', ')}: where the name's ending does not say`,
      (text): Target => {
        const found = targets.find((target) => target === text);
        if (!found) throw new UsageError(`--to ${text}: expected one of ${targets.join(', ')}`);
        return found;
      },
    )
    .option('--model <file>', "for weights: the net's prototxt, where the file does not hold the net (HDF5)")
    .option('--weights <files>', 'for .onnx from a prototxt: the weights', names)
    .option('--probabilities', 'for .onnx: end in probabilities (sigmoid, softmax) instead of logits');
  withState(command).action((from: string, to: string, flags: ConvertFlags) =>
    convert(from, to, flags, around),
  );
}

function targetOf(to: string, flags: ConvertFlags): Target {
  const target = flags.to ?? extensions.find(([pattern]) => pattern.test(to))?.[1];
  if (!target) {
    throw new UsageError(
      `what to convert to cannot be told from the name ${to}: give --to ${targets.join('|')}`,
    );
  }
  return target;
}

async function convert(from: string, to: string, flags: ConvertFlags, around: Surroundings): Promise<void> {
  const { folder, stdout, stderr } = around;
  const target = targetOf(to, flags);
  const path = resolve(folder, to);
  if (resolve(folder, from) === path) throw new UsageError(`${from} and ${to} are the same file`);
  const found = await readCaffeFile(resolve(folder, from));
  const note =
    target === 'onnx'
      ? await toOnnx(from, path, found, flags, folder)
      : await toCaffe(from, path, found, target, flags, folder);
  // What goes to /dev/stdout stays what it is.
  (path.startsWith('/dev/') ? stderr : stdout).write(`${to}: ${note}\n`);
}

/** A solverstate as a message, whatever it was stored as. */
function stateMessage(found: CaffeFile & { kind: 'state' }): SolverState {
  if (found.form !== 'hdf5') return found.message;
  const { iter, currentStep, learnedNet, history } = found.state;
  const message = create('SolverState', { iter, learned_net: learnedNet, current_step: currentStep });
  message.history = history.map(asProto);
  return message;
}

const asProto = ({ shape, data }: StoredBlob): BlobProto => blobProto(shape, Float32Array.from(data));

/** Weights without their net: layers that have a name and blobs. Caffe copies them by name. */
function bareNet(layers: readonly WeightLayer[]): NetParameter {
  const net = create('NetParameter');
  net.layer = layers.map(({ name, type, blobs }) => {
    const layer = create('LayerParameter', { name, ...(type !== undefined && { type }) });
    layer.blobs = blobs.flatMap((blob) => (blob ? [asProto(blob)] : []));
    return layer;
  });
  return net;
}

/** Weights in the net that `--model` gives, as Caffe writes them; or as they are. */
async function weightsMessage(
  found: CaffeFile & { kind: 'weights' },
  flags: ConvertFlags,
  folder: string,
): Promise<NetParameter> {
  const { layers } = found.weights;
  if (flags.model === undefined) return bareNet(layers);
  const param = await readNetFile(resolve(folder, flags.model));
  const { param: inference, state } = await inferenceNet(param, folder, {
    level: flags.level ?? 0,
    stages: flags.stage ?? [],
  });
  const net = buildNet(inference, { layers: layerTypes, state });
  const data = filledParams(net);
  const { untouched } = copyWeights(net, data, found.weights);
  if (untouched.length > 0) {
    throw new CommandError(
      `${found.weights.file}: holds no weights for ${untouched.join(', ')} of ${flags.model}`,
    );
  }
  return netWithWeights(net, { data });
}

async function toCaffe(
  from: string,
  path: string,
  found: CaffeFile,
  target: 'text' | 'binary' | 'hdf5',
  flags: ConvertFlags,
  folder: string,
): Promise<string> {
  if (target === 'hdf5') return toHdf5(from, path, found);
  const message =
    found.kind === 'state'
      ? stateMessage(found)
      : found.kind === 'weights'
        ? await weightsMessage(found, flags, folder)
        : found.message;
  if (target === 'text') await writeText(path, printText(message));
  else await writeMessage(path, message);
  const bare = found.kind === 'weights' && flags.model === undefined;
  return `${message.$type} in ${target === 'text' ? "protobuf's text format" : 'binary'}${
    bare ? ' (HDF5 holds names and numbers only: give -model NET.prototxt for the whole net)' : ''
  }`;
}

async function toHdf5(from: string, path: string, found: CaffeFile): Promise<string> {
  switch (found.kind) {
    case 'state': {
      const message = stateMessage(found);
      const history = message.history.map((blob) => {
        const { shape, data } = storedBlob(blob);
        return { shape, data: Float32Array.from(data) };
      });
      await writeSolverState(
        path,
        { iter: message.iter, learnedNet: message.learned_net, currentStep: message.current_step, history },
        'hdf5',
      );
      return 'solverstate in HDF5';
    }
    case 'weights':
      await writeHdf5Layers(path, found.weights.layers);
      return 'weights in HDF5';
    case 'net': {
      const { layers } = weightsOf(found.message, from);
      if (layers.every(({ blobs }) => blobs.length === 0)) {
        throw new CommandError(`${from}: holds a net without weights, and HDF5 holds weights only`);
      }
      await writeHdf5Layers(path, layers);
      return 'weights in HDF5';
    }
    case 'solver':
    case 'blob':
      throw new CommandError(`${from}: holds a ${found.kind}, which Caffe has no HDF5 form for`);
  }
}

async function toOnnx(
  from: string,
  path: string,
  found: CaffeFile,
  flags: ConvertFlags,
  folder: string,
): Promise<string> {
  const isPrototxt = found.kind === 'net' && found.form === 'text';
  if (isPrototxt && !flags.weights)
    throw new UsageError(`${from} holds a net without weights: give -weights FILE`);
  const model = isPrototxt ? from : flags.model;
  if (found.kind !== 'net' && model === undefined) {
    throw new UsageError(`${from} does not hold a net: give -model NET.prototxt`);
  }
  const param =
    model !== undefined
      ? await readNetFile(resolve(folder, model))
      : (found as CaffeFile & { kind: 'net' }).message;
  const options = {
    level: flags.level ?? 0,
    stages: flags.stage ?? [],
    probabilities: flags.probabilities ?? false,
  };
  const {
    param: inference,
    state,
    outputs,
  } = await inferenceNet(param, folder, options).catch((cause: unknown) => {
    if (model !== undefined || !(cause instanceof SoftxentError)) throw cause;
    // A snapshot holds the net that was trained; what it takes to predict may be missing there.
    throw new CommandError(
      `${from}: the net in it does not predict (${cause.message}): give -model NET.prototxt`,
      { cause },
    );
  });
  const net = buildNet(inference, { layers: layerTypes, state });
  const params = filledParams(net);
  const files = (isPrototxt ? flags.weights! : [from, ...(flags.weights ?? [])]).map((file) =>
    resolve(folder, file),
  );
  const missing = new Set(net.layers.filter((layer) => layer.params.length > 0).map(({ name }) => name));
  for (const file of files) {
    for (const name of copyWeights(net, params, await readWeights(file)).copied) missing.delete(name);
  }
  const shared = net.layers.filter((layer) =>
    layer.params.every((id) => net.params[id]!.owner !== undefined),
  );
  for (const { name } of shared) missing.delete(name);
  if (missing.size > 0)
    throw new CommandError(`no weights for ${[...missing].join(', ')}: an export of them would be random`);
  const bytes = exportNet(net, params, { outputs });
  await writeBytes(path, [bytes]);
  const inputs = net.inputs.map((id) => `${net.blobs[id]!.name} [${net.blobs[id]!.shape.join(', ')}]`);
  return `ONNX model, ${bytes.length} bytes; inputs ${inputs.join(', ')}; outputs ${outputs.join(', ')}`;
}
