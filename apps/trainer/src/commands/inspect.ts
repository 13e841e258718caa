import { resolve } from 'node:path';
import type { BlobProto, NetParameter, StoredBlob } from '@softxent/caffe';
import {
  countOf,
  filterNet,
  has,
  netGeneration,
  netState,
  netUpgrades,
  printText,
  storedBlob,
  upgradeNet,
  weightsOf,
} from '@softxent/caffe';
import { SoftxentError } from '@softxent/core';
import type { Command } from 'commander';
import { Option } from 'commander';
import { readCaffeFile } from '../caffe-file.js';
import type { StateFlags } from '../flags.js';
import { withState } from '../flags.js';
import { builtNet } from '../shapes.js';
import type { Surroundings } from '../surroundings.js';
import { short } from '../surroundings.js';
import { table } from '../table.js';

interface InspectFlags extends StateFlags {
  readonly phase: 'TRAIN' | 'TEST';
}

/** Adds the verb `inspect`. */
export function addInspect(program: Command, around: Surroundings): void {
  const command = program
    .command('inspect')
    .description('show what a file holds: a net, weights, a solver, a solverstate, a mean, in any format')
    .argument('<file>', 'prototxt, caffemodel, solverstate, binaryproto; text, binary or HDF5')
    .addOption(
      new Option('--phase <name>', 'the phase that a net is built for')
        .choices(['TRAIN', 'TEST'])
        .default('TRAIN'),
    );
  withState(command).action(async (file: string, flags: InspectFlags) => {
    const lines = await inspect(file, flags, around.folder);
    around.stdout.write(`${lines.join('\n')}\n`);
  });
}

const shapeOf = (shape: readonly number[]): string => (shape.length === 0 ? 'scalar' : shape.join(' x '));

/** Shape, count and statistics of numbers. */
function statistics({ shape, data }: Pick<StoredBlob, 'shape' | 'data'>): string[] {
  let low = Infinity;
  let high = -Infinity;
  let sum = 0;
  let squares = 0;
  let strange = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) {
      strange++;
      continue;
    }
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    squares += value * value;
  }
  const count = data.length - strange;
  if (count === 0) return [shapeOf(shape), String(data.length), '', '', '', '', String(strange)];
  const mean = sum / count;
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
  return [shapeOf(shape), String(data.length), ...[low, high, mean, deviation].map(short), String(strange)];
}

const columns = ['shape', 'count', 'least', 'greatest', 'mean', 'deviation', 'not finite'];

function weightLines(
  layers: readonly { name: string; type: string | undefined; blobs: readonly (StoredBlob | undefined)[] }[],
): string[] {
  const rows = layers.flatMap(({ name, type, blobs }) =>
    blobs.flatMap((blob, i) => (blob ? [[name, type ?? '', String(i), ...statistics(blob)]] : [])),
  );
  const total = layers.reduce(
    (sum, { blobs }) => sum + blobs.reduce((n, blob) => n + (blob?.data.length ?? 0), 0),
    0,
  );
  return [
    ...table(['layer', 'type', 'blob', ...columns], rows),
    '',
    `${rows.length} blobs, ${total} parameters`,
  ];
}

async function netLines(
  param: NetParameter,
  { phase, level = 0, stage: stages = [] }: InspectFlags,
  folder: string,
): Promise<string[]> {
  const state = netState(upgradeNet(param), { phase, level, stages });
  const old = netUpgrades(param);
  const lines = [
    `Net ${param.name || '(no name)'}, format ${netGeneration(param)}, phase ${phase}${old.length > 0 ? `; reading it upgrades ${old.join(', ')}` : ''}`,
    '',
  ];
  try {
    const net = await builtNet(param, state, folder);
    // Splits are made, not written: blobs go by the names of the prototxt.
    const nameOf = (id: number): string => {
      const maker = net.layers.find(({ type, tops }) => type === 'Split' && tops.includes(id));
      return maker ? nameOf(maker.bottoms[0]!) : net.blobs[id]!.name;
    };
    const written = net.layers.filter(({ type, name }) => type !== 'Split' || !name.endsWith('_split'));
    const rows = written.map(({ name, type, bottoms, tops, topShapes, params }) => {
      const own = params.filter((id) => net.params[id]!.owner === undefined);
      const count = own.reduce((sum, id) => sum + countOf(net.params[id]!.shape), 0);
      return [
        name,
        type,
        bottoms.map(nameOf).join(', '),
        tops.map(nameOf).join(', '),
        topShapes.map(shapeOf).join(', '),
        count === 0 ? '' : String(count),
      ];
    });
    const total = net.learnable.reduce((sum, { shape }) => sum + countOf(shape), 0);
    return [
      ...lines,
      ...table(['layer', 'type', 'bottoms', 'tops', 'shapes', 'parameters'], rows),
      '',
      `${written.length} layers, ${net.learnable.length} parameter blobs, ${total} parameters; outputs: ${net.outputs.map((id) => net.blobs[id]!.name).join(', ')}`,
    ];
  } catch (error) {
    if (!(error instanceof SoftxentError)) throw error;
    // What can be read is shown all the same: a net whose data are elsewhere is still a net.
    const rows = filterNet(upgradeNet(param), state).layer.map(({ name, type, bottom, top }) => [
      name,
      type,
      bottom.join(', '),
      top.join(', '),
    ]);
    return [
      ...lines,
      ...table(['layer', 'type', 'bottoms', 'tops'], rows),
      '',
      `Shapes are not known: ${error.message}`,
    ];
  }
}

function stateLines(
  iter: number,
  step: number,
  learnedNet: string,
  history: readonly StoredBlob[],
): string[] {
  return [
    `Solverstate: iteration ${iter}, step ${step} of the rate, weights in ${learnedNet || '(not named)'}`,
    '',
    ...table(
      ['history', ...columns],
      history.map((blob, i) => [String(i), ...statistics(blob)]),
    ),
  ];
}

/** What a file holds, line by line. @throws what reading it throws */
export async function inspect(file: string, flags: InspectFlags, folder: string): Promise<string[]> {
  const path = resolve(folder, file);
  const found = await readCaffeFile(path);
  switch (found.kind) {
    case 'weights':
      return [`Weights in HDF5`, '', ...weightLines(found.weights.layers)];
    case 'state':
      if (found.form === 'hdf5') {
        const { iter, currentStep, learnedNet, history } = found.state;
        return stateLines(iter, currentStep, learnedNet, history);
      }
      return stateLines(
        found.message.iter,
        found.message.current_step,
        found.message.learned_net,
        found.message.history.map((blob: BlobProto) => storedBlob(blob)),
      );
    case 'blob':
      return ['Blob', '', ...table(columns, [statistics(storedBlob(found.message))])];
    case 'solver':
      return [
        `Solver ${has(found.message, 'type') ? found.message.type : 'SGD'}`,
        '',
        printText(found.message).trimEnd(),
      ];
    case 'net': {
      const weights = weightsOf(found.message, file);
      const held = weights.layers.filter(({ blobs }) => blobs.length > 0);
      if (held.length === 0) return netLines(found.message, flags, folder);
      return [
        `Weights of net ${found.message.name || '(no name)'}, format ${netGeneration(found.message)}, ${weights.layers.length} layers`,
        ...weights.warnings.map((warning) => `warning: ${warning}`),
        '',
        ...weightLines(held),
      ];
    }
  }
}
