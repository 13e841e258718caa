import { resolve } from 'node:path';
import type { TrainerRequest } from '@softxent/caffe';
import { create, has, mutable, readSolverFile, Trainer, withSnapshotPrefix } from '@softxent/caffe';
import type { Command } from 'commander';
import { Option } from 'commander';
import { engineOptions } from '../engine-options.js';
import { folderFeed } from '../feed.js';
import type { DataFlags, EngineFlags, StateFlags } from '../flags.js';
import { names, withData, withEngine, withState } from '../flags.js';
import { EventLog } from '../log.js';
import { Progress } from '../progress.js';
import { History } from '../report/history.js';
import { writeReport } from '../report/report.js';
import { takeSamples } from '../report/samples.js';
import type { Surroundings } from '../surroundings.js';
import { UsageError } from '../surroundings.js';

type Effect = 'stop' | 'snapshot' | 'none';

interface TrainFlags extends EngineFlags, StateFlags, DataFlags {
  readonly solver?: string;
  readonly weights?: string[];
  readonly snapshot?: string;
  readonly restartData?: boolean;
  readonly sigintEffect: Effect;
  readonly sighupEffect: Effect;
  readonly log?: string;
  readonly report?: string;
}

const effects = ['stop', 'snapshot', 'none'];

/** Adds the verb `train`. */
export function addTrain(program: Command, around: Surroundings): void {
  const command = program
    .command('train')
    .description('train a net, or continue training')
    .option('--solver <file>', "the solver's prototxt")
    .option('--weights <files>', 'weights to start from, with commas between them', names)
    .option('--snapshot <file>', 'the solverstate to continue from')
    .option('--restart-data', 'with --snapshot: start the data at the first item again, as Caffe does')
    .addOption(new Option('--sigint-effect <effect>', 'on Ctrl-C').choices(effects).default('stop'))
    .addOption(new Option('--sighup-effect <effect>', 'on SIGHUP').choices(effects).default('snapshot'))
    .option('--log <file>', 'write every iteration, test and snapshot to this file, one JSON object a line')
    .option('--report <file>', 'write a page with the curves and sample predictions to this file (HTML)');
  withData(withEngine(withState(command)), { test: true }).action((flags: TrainFlags) =>
    train(flags, around),
  );
}

/** Lets signals ask the trainer for what the flags say; returns what ends that. */
function hear(
  { sigintEffect, sighupEffect }: TrainFlags,
  around: Surroundings,
  ask: (what: TrainerRequest) => void,
) {
  const { signals } = around;
  const heard = (effect: Effect) => () => {
    if (effect === 'none') return;
    around.stderr.write(`\n${effect === 'stop' ? 'Stopping' : 'Writing a snapshot'} after this iteration\n`);
    ask(effect);
  };
  const onInterrupt = heard(sigintEffect);
  const onHangup = heard(sighupEffect);
  signals?.on('SIGINT', onInterrupt);
  signals?.on('SIGHUP', onHangup);
  return () => {
    signals?.off('SIGINT', onInterrupt);
    signals?.off('SIGHUP', onHangup);
  };
}

async function train(flags: TrainFlags, around: Surroundings): Promise<void> {
  const { folder } = around;
  if (flags.solver === undefined) throw new UsageError('train needs a solver: -solver FILE');
  if (flags.weights && flags.snapshot !== undefined) {
    throw new UsageError('give -weights to start from weights or -snapshot to continue a run, not both');
  }
  if (flags.restartData && flags.snapshot === undefined) {
    throw new UsageError('--restart-data goes with -snapshot');
  }
  const solver = await withSnapshotPrefix(
    await readSolverFile(resolve(folder, flags.solver)),
    flags.solver,
    folder,
  );
  if (flags.level !== undefined || flags.stage) {
    const state = has(solver, 'train_state') ? mutable(solver, 'train_state') : create('NetState');
    if (flags.level !== undefined) state.level = flags.level;
    if (flags.stage) state.stage = [...state.stage, ...flags.stage];
    solver.train_state = state;
  }
  const progress = new Progress(around.stdout);
  const print = (text = ''): void => progress.line(text);
  const feed = folderFeed(flags, print);
  await using engine = await engineOptions(flags, folder);
  await using trainer = await Trainer.open({
    solver,
    folder,
    engine: engine.options,
    warn: (text) => print(`warning: ${text}`),
    ...(flags.weights && { weights: flags.weights }),
    ...(flags.snapshot !== undefined && { snapshot: flags.snapshot }),
    ...(flags.restartData && { restartData: true }),
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(feed && { feed }),
  });
  const { net } = trainer.train;
  const parameters = net.learnable.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  print(
    `Training ${net.name || flags.solver}: ${net.layers.length} layers, ${parameters} parameters, ${solver.type}, on ${engine.description}`,
  );
  await using log = flags.log === undefined ? undefined : await EventLog.open(resolve(folder, flags.log));
  const history = new History();
  const quiet = hear(flags, around, (what) => trainer.request(what));
  let failure: string | undefined;
  progress.start(trainer.solver.iteration, solver.max_iter);
  try {
    for await (const event of trainer.run()) {
      history.add(event);
      await log?.add(event);
      progress.show(event);
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
    throw error;
  } finally {
    progress.stop();
    quiet();
    if (flags.report !== undefined && history.iterations.length > 0) {
      const samples = failure === undefined ? await takeSamples(trainer) : [];
      await writeReport(resolve(folder, flags.report), {
        history,
        samples,
        title: net.name || flags.solver,
        parameters,
        solver,
        ...(failure !== undefined && { failure }),
      });
      print(`Report: ${resolve(folder, flags.report)}`);
    }
  }
}
