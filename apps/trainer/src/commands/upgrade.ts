import { resolve } from 'node:path';
import {
  has,
  netUpgrades,
  printText,
  upgradeNet,
  upgradeSolver,
  writeMessage,
  writeText,
} from '@softxent/caffe';
import type { Command } from 'commander';
import { readCaffeFile } from '../caffe-file.js';
import type { Surroundings } from '../surroundings.js';
import { CommandError } from '../surroundings.js';

/** Adds the verb `upgrade`. */
export function addUpgrade(program: Command, around: Surroundings): void {
  program
    .command('upgrade')
    .description(
      "bring a net, weights or a solver of Caffe's older formats into today's; text stays text, binary stays binary",
    )
    .argument('<in>', 'a prototxt, a caffemodel or a solver, of any age')
    .argument('<out>', 'where it goes, in the same form')
    .action((from: string, to: string) => upgrade(from, to, around));
}

async function upgrade(from: string, to: string, { folder, stdout }: Surroundings): Promise<void> {
  const found = await readCaffeFile(resolve(folder, from));
  const print = (text: string): unknown => stdout.write(`${text}\n`);
  if (found.form === 'hdf5' || (found.kind !== 'net' && found.kind !== 'solver')) {
    throw new CommandError(
      `${from}: holds ${found.kind === 'weights' ? 'weights in HDF5' : `a ${found.kind}`}, which has had one format only; expected a net, binary weights or a solver`,
    );
  }
  const { form } = found;
  const done =
    found.kind === 'net'
      ? netUpgrades(found.message)
      : has(found.message, 'solver_type')
        ? ['solver_type']
        : [];
  const message =
    found.kind === 'net'
      ? upgradeNet(found.message, { onWarning: (warning) => print(`warning: ${warning}`) })
      : upgradeSolver(found.message);
  const path = resolve(folder, to);
  if (form === 'text') await writeText(path, printText(message));
  else await writeMessage(path, message);
  print(`${to}: ${done.length === 0 ? "was in today's format already" : `upgraded ${done.join(', ')}`}`);
}
