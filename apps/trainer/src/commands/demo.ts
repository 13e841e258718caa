import { access, constants, mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { writeDemo } from '../demo/files.js';
import { wholeNumber } from '../flags.js';
import type { Surroundings } from '../surroundings.js';
import { CommandError } from '../surroundings.js';
import { train } from './train.js';

interface DemoFlags {
  readonly out: string;
  readonly threads?: number;
}

/** Adds the verb `demo`. */
export function addDemo(program: Command, around: Surroundings): void {
  program
    .command('demo')
    .description(
      'train a small net on images that the program makes, with labels that made-up annotators disagree on',
    )
    .option('--out <folder>', 'where everything goes', 'softxent-demo')
    .option('--threads <n>', 'threads to compute with (default: every core)', wholeNumber(1, 1024))
    .action((flags: DemoFlags) => demo(flags, around));
}

async function demo({ out, threads }: DemoFlags, around: Surroundings): Promise<void> {
  const folder = resolve(around.folder, out);
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new CommandError(`--out ${out}: the folder cannot be written to`, { cause });
  }
  const print = (text: string): unknown => around.stdout.write(`${text}\n`);
  print(
    'Ellipses on noise, labelled by 5 made-up annotators; the label of a pixel is the share of them who marked it.',
  );
  await writeDemo(folder, 48, 24);
  await train(
    {
      solver: 'solver.prototxt',
      weights: ['initial.caffemodel'],
      data: 'data',
      mirror: true,
      sigintEffect: 'stop',
      sighupEffect: 'snapshot',
      report: 'report.html',
      pictures: 'predictions.png',
      ...(threads !== undefined && { threads }),
    },
    { ...around, folder },
  );
  print(
    `Everything is in ${folder}: report.html, predictions.png (image, soft label, prediction), and the last .caffemodel.`,
  );
}
