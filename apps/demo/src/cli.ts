/** The demo as a command. */
import { access, constants, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { cpu } from '@softxent/backend-cpu';
import { openSync, type SyncSession } from '@softxent/core';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { writeWhole } from './files.js';
import type { Measures } from './measures.js';
import { drawPicture } from './picture.js';
import { Reporter, type Output } from './reporter.js';
import { defaults, Experiment, type Evaluation, type Settings } from './train.js';

/** Where a command runs and what it prints to. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The user's folder. */
  readonly folder: string;
}

interface Options {
  readonly seed: number;
  readonly steps: number;
  readonly out: string;
}

const pictureName = 'predictions.png';
const pictureRows = 4;

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

function folderName(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Expected the name of a folder.');
}

function parse(args: readonly string[], { stdout, stderr }: Surroundings, settings: Settings): Options {
  const command = new Command('npm start --')
    .description(
      'Trains a small network on images whose labels are the average of several annotators, and draws what it learned.',
    )
    .option('--seed <n>', 'seed of data and network', wholeNumber(0, 0xffff_ffff), settings.seed)
    .option('--steps <n>', 'steps of training', wholeNumber(1, 1_000_000), settings.steps)
    .option('--out <folder>', 'where the picture goes', folderName, 'softxent-demo')
    .helpOption('--help', 'show this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    });
  return command.parse(args, { from: 'user' }).opts<Options>();
}

const numbers = ({ loss, floor, gap }: Measures): string =>
  [loss, floor, gap].map((value) => value.toFixed(4).padStart(8)).join('');

const tableHead = [
  '            training images         held-out images',
  '  step    loss   floor     gap    loss   floor     gap',
];

function tableRow({ step, training, heldOut }: Evaluation): string {
  return `${String(step).padStart(6)}${numbers(training)}${numbers(heldOut)}`;
}

/** Trains and reports; returns the last evaluation. */
async function trainWith(experiment: Experiment, steps: number, reporter: Reporter): Promise<Evaluation> {
  let last = experiment.evaluate(0);
  for (const line of tableHead) reporter.line(line);
  reporter.line(tableRow(last));
  reporter.start(steps);
  try {
    for (const { step, gap, evaluation } of experiment.train()) {
      reporter.update(step, gap);
      if (evaluation !== undefined) {
        last = evaluation;
        reporter.line(tableRow(evaluation));
      }
      // The bar is drawn, and Ctrl-C heard, between steps.
      await setImmediate();
    }
  } finally {
    reporter.stop();
  }
  return last;
}

async function writePicture(experiment: Experiment, path: string): Promise<void> {
  const { size, images, targets } = experiment.heldOut;
  const length = pictureRows * size * size;
  const columns = [
    { caption: 'image', values: images.subarray(0, length) },
    { caption: 'soft label', values: Float32Array.from(targets.subarray(0, length), (n) => n / 255) },
    { caption: 'prediction', values: experiment.predictHeldOut(pictureRows) },
  ];
  await writeWhole(path, drawPicture(columns, pictureRows, size));
}

async function run(
  session: SyncSession,
  { out, ...chosen }: Options,
  around: Surroundings,
  settings: Settings,
): Promise<void> {
  const started = performance.now();
  const reporter = new Reporter(around.stdout);
  const folder = resolve(around.folder, out);
  // Before the work, so that a folder that cannot be written to is heard of at once.
  await mkdir(folder, { recursive: true });
  await access(folder, constants.W_OK);

  const { seed, steps, training, heldOut, size, annotators } = { ...settings, ...chosen };
  reporter.line(`A pixel classifier learns from soft labels on ${session.description}, seed ${seed}.`);
  reporter.line(
    `${training} training and ${heldOut} held-out images of ${size} x ${size} pixels, each drawn by the program`,
  );
  reporter.line(`and labelled by ${annotators} simulated annotators, whose average is the label.`);
  reporter.line('loss = floor + gap in nats a pixel; the floor is the entropy of the labels.');
  reporter.line();
  const experiment = new Experiment({ ...settings, ...chosen, session });
  const last = await trainWith(experiment, steps, reporter);
  const constant = experiment.evaluateConstant();
  const path = join(folder, pictureName);
  await writePicture(experiment, path);

  reporter.line();
  reporter.line('On the held-out images       loss   floor     gap');
  reporter.line(`the network              ${numbers(last.heldOut)}`);
  reporter.line(`one constant everywhere  ${numbers(constant)}`);
  const share = (100 * last.heldOut.gap) / constant.gap;
  const seconds = (performance.now() - started) / 1000;
  reporter.line(
    `The network's gap is ${share.toFixed(0)} % of the constant's, after ${steps} steps in ${seconds.toFixed(0)} s.`,
  );
  reporter.line();
  reporter.line(`Image, soft label and prediction side by side: ${path}`);
}

/** Runs the command; returns its exit status: 0 when all went well, 1 when something failed, 2 for a wrong option. */
export async function main(
  args: readonly string[],
  surroundings: Surroundings,
  settings: Settings = defaults,
): Promise<number> {
  let options: Options;
  try {
    options = parse(args, surroundings, settings);
  } catch (error) {
    // Commander has printed the message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const session = openSync(cpu());
  try {
    await run(session, options, surroundings, settings);
    return 0;
  } catch (error) {
    // From the file system; anything else is a mistake in the program, and its stack is wanted.
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    surroundings.stderr.write(`error: ${error.message}\n`);
    return 1;
  } finally {
    session.dispose();
  }
}
