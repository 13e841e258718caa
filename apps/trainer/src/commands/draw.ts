import { resolve } from 'node:path';
import { netState, upgradeNet, writeText } from '@softxent/caffe';
import type { Command } from 'commander';
import { Option } from 'commander';
import { readCaffeFile } from '../caffe-file.js';
import { drawNet } from '../draw/draw.js';
import type { StateFlags } from '../flags.js';
import { withState } from '../flags.js';
import type { Surroundings } from '../surroundings.js';
import { CommandError } from '../surroundings.js';

interface DrawFlags extends StateFlags {
  readonly phase: 'TRAIN' | 'TEST';
}

/** Adds the verb `draw`. */
export function addDraw(program: Command, around: Surroundings): void {
  const command = program
    .command('draw')
    .description('draw a net as an SVG picture')
    .argument('<net>', 'a prototxt or a caffemodel')
    .argument('<out.svg>', 'where the picture goes')
    .addOption(
      new Option('--phase <name>', 'the phase that is drawn').choices(['TRAIN', 'TEST']).default('TRAIN'),
    );
  withState(command).action((from: string, to: string, flags: DrawFlags) => draw(from, to, flags, around));
}

async function draw(
  from: string,
  to: string,
  flags: DrawFlags,
  { folder, stdout }: Surroundings,
): Promise<void> {
  const found = await readCaffeFile(resolve(folder, from));
  if (found.kind !== 'net') throw new CommandError(`${from}: holds no net to draw`);
  const { phase, level = 0, stage: stages = [] } = flags;
  const state = netState(upgradeNet(found.message), { phase, level, stages });
  const { svg, boxes, note } = await drawNet(found.message, state, folder);
  await writeText(resolve(folder, to), svg);
  stdout.write(`${to}: ${boxes} boxes${note === undefined ? '' : ` (without shapes: ${note})`}\n`);
}
