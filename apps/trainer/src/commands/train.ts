import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { SolverParameter, TrainerRequest, TrainingEvent } from '@softxent/caffe';
import {
  countOf,
  create,
  has,
  readSolverFile,
  Trainer,
  withSnapshotPrefix,
  writeBytes,
} from '@softxent/caffe';
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
import { gridPng } from '../report/picture.js';
import { takeSamples } from '../report/samples.js';
import type { Surroundings } from '../surroundings.js';
import { CommandError, UsageError } from '../surroundings.js';

type Effect = 'stop' | 'snapshot' | 'none';

/** The flags of `train`. */
export interface TrainFlags extends EngineFlags, StateFlags, DataFlags {
  readonly solver?: string;
  readonly weights?: string[];
  readonly snapshot?: string;
  readonly restartData?: boolean;
  readonly sigintEffect: Effect;
  readonly sighupEffect: Effect;
  readonly log?: string;
  readonly report?: string;
  readonly pictures?: string;
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
    .option('--report <file>', 'write a page with the curves and sample predictions to this file (HTML)')
    .option('--pictures <file>', 'write sample images, soft labels and predictions to this file (PNG)');
  withData(withEngine(withState(command)), { test: true }).action((flags: TrainFlags) =>
    train(flags, around),
  );
}

/** Lets signals ask the trainer for what the flags say; returns what ends that. */
function hear(
  { sigintEffect, sighupEffect }: TrainFlags,
  { signals, stderr }: Surroundings,
  ask: (what: TrainerRequest) => void,
): () => void {
  const listeners = new Map<'SIGINT' | 'SIGHUP', () => void>();
  const listen = (signal: 'SIGINT' | 'SIGHUP', effect: Effect): void => {
    const heard = (): void => {
      if (effect === 'none') return;
      ask(effect);
      if (effect === 'snapshot') return void stderr.write('\nWriting a snapshot after this iteration\n');
      // Whoever asks twice does not want to wait: the second signal has its usual effect.
      signals?.off(signal, heard);
      stderr.write('\nStopping after this iteration; once more to stop at once, without a snapshot\n');
    };
    listeners.set(signal, heard);
    signals?.on(signal, heard);
  };
  listen('SIGINT', sigintEffect);
  listen('SIGHUP', sighupEffect);
  return () => {
    for (const [signal, heard] of listeners) signals?.off(signal, heard);
  };
}

/** The solver of the flags: its file, with Caffe's default for snapshot_prefix, and level and stages from the flags. */
async function solverOf(
  { level, stage }: TrainFlags,
  file: string,
  folder: string,
): Promise<SolverParameter> {
  const read = await readSolverFile(resolve(folder, file));
  const solver = await withSnapshotPrefix(read, file, folder);
  if (level === undefined && !stage) return solver;
  const state = has(solver, 'train_state') ? solver.train_state : create('NetState');
  if (level !== undefined) state.level = level;
  if (stage) state.stage = [...state.stage, ...stage];
  solver.train_state = state;
  return solver;
}

function checkFlags({ weights, snapshot, restartData }: TrainFlags): void {
  if (weights && snapshot !== undefined) {
    throw new UsageError('give -weights to start from weights or -snapshot to continue a run, not both');
  }
  if (restartData && snapshot === undefined) throw new UsageError('--restart-data goes with -snapshot');
}

/** @throws CommandError where what is to be shown at the end could not be written, before hours are spent on it */
async function checkWritable({ report, pictures }: TrainFlags, folder: string): Promise<void> {
  for (const [flag, file] of Object.entries({ report, pictures })) {
    if (file === undefined) continue;
    await access(dirname(resolve(folder, file)), constants.W_OK).catch((cause: unknown) => {
      throw new CommandError(`--${flag} ${file}: its folder cannot be written to`, { cause });
    });
  }
}

/** Trains as the flags say. */
export async function train(flags: TrainFlags, around: Surroundings): Promise<void> {
  const { folder } = around;
  if (flags.solver === undefined) throw new UsageError('train needs a solver: -solver FILE');
  checkFlags(flags);
  await checkWritable(flags, folder);
  const solver = await solverOf(flags, flags.solver, folder);
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
  if (has(solver, 'solver_mode') && solver.solver_mode === 'GPU' && engine.options.provider === 'cpu') {
    print('note: the solver asks for the GPU; this run computes on the CPU (-gpu 0 computes on a GPU)');
  }
  const { net } = trainer.train;
  const title = net.name || flags.solver;
  const parameters = net.learnable.reduce((sum, { shape }) => sum + countOf(shape), 0);
  print(
    `Training ${title}: ${net.layers.length} layers, ${parameters} parameters, ${solver.type}, on ${engine.description}`,
  );
  const nets = [trainer.train, ...trainer.tests];
  for (const reason of new Set(nets.map(({ targets }) => targets.unknown))) {
    if (reason !== undefined) print(`note: no floor of the loss is told: ${reason}`);
  }
  await using log = flags.log === undefined ? undefined : await EventLog.open(resolve(folder, flags.log));
  const history = new History();
  const failure = await follow(trainer, progress, flags, around, async (event) => {
    history.add(event);
    await log?.add(event);
  });
  const shows = flags.report !== undefined || flags.pictures !== undefined;
  const samples = shows && !failure ? await takeSamples(trainer) : undefined;
  if (flags.report !== undefined && history.iterations.length > 0) {
    const ended = failure && { failure: failure.error instanceof Error ? failure.error.message : 'an error' };
    await writeReport(resolve(folder, flags.report), {
      history,
      title,
      parameters,
      solver,
      ...(samples && { samples }),
      ...ended,
    });
    print(`Report: ${flags.report}`);
  }
  if (flags.pictures !== undefined && samples) {
    if (samples.noPictures !== undefined) print(`note: no pictures are written: ${samples.noPictures}`);
    else {
      await writeBytes(resolve(folder, flags.pictures), [
        gridPng(samples.items.map(({ pictures }) => pictures)),
      ]);
      print(`Pictures: ${flags.pictures}`);
    }
  }
  if (failure) throw failure.error;
}

/** Runs the trainer to its end, with progress and signals; an error is returned, so that what was learned can be told. */
async function follow(
  trainer: Trainer,
  progress: Progress,
  flags: TrainFlags,
  around: Surroundings,
  add: (event: TrainingEvent) => Promise<void>,
): Promise<{ readonly error: unknown } | undefined> {
  const quiet = hear(flags, around, (what) => trainer.request(what));
  progress.start(trainer.solver.iteration, trainer.options.max_iter);
  try {
    for await (const event of trainer.run()) {
      await add(event);
      progress.show(event);
    }
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    progress.stop();
    quiet();
  }
}
