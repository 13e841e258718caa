/** The command softxent-caffe. */
import { SoftxentError } from '@softxent/core';
import { Command, CommanderError, Option } from 'commander';
import { addConvert } from './commands/convert.js';
import { addDemo } from './commands/demo.js';
import { addDraw } from './commands/draw.js';
import { addInspect } from './commands/inspect.js';
import { addTest } from './commands/test.js';
import { addTime } from './commands/time.js';
import { addTrain } from './commands/train.js';
import { addUpgrade } from './commands/upgrade.js';
import { normaliseFlags } from './flags.js';
import type { Surroundings } from './surroundings.js';
import { UsageError } from './surroundings.js';

const examples = `
Flags may have one dash or two, as Caffe's: -solver FILE, --solver=FILE.
Exit status: 0 all went well; 1 something failed; 2 wrong flags.

  softxent-caffe train -solver solver.prototxt --data photos
  softxent-caffe train -solver solver.prototxt -weights vgg16.caffemodel
  softxent-caffe train -solver solver.prototxt -snapshot net_iter_5000.solverstate
  softxent-caffe test -model net.prototxt -weights net_iter_5000.caffemodel -iterations 20
  softxent-caffe convert net.prototxt net.onnx -weights net.caffemodel`;

function program(around: Surroundings): Command {
  const command = new Command('softxent-caffe')
    .description(
      "Trains and tests Caffe's nets on soft labels, and reads, writes and converts Caffe's files.",
    )
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
    });
  for (const add of [addTrain, addTest, addTime, addInspect, addConvert, addUpgrade, addDraw, addDemo]) {
    add(command, around);
  }
  for (const verb of command.commands) {
    verb
      .exitOverride()
      .helpOption('-h, --help', 'show this help')
      .showHelpAfterError(`(softxent-caffe ${verb.name()} --help lists the flags)`);
    verb.addOption(new Option('--logtostderr').hideHelp());
    verb.configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
    });
  }
  return command;
}

/** Runs the command; returns its exit status: 0 when all went well, 1 when something failed, 2 for wrong flags. */
export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  const command = program(around);
  if (args.length === 0) {
    around.stdout.write(command.helpInformation() + examples.trimEnd() + '\n');
    return 0;
  }
  try {
    await command.parseAsync(normaliseFlags(args), { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed the message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!(error instanceof SoftxentError)) throw error;
    around.stderr.write(`error: ${error.message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
