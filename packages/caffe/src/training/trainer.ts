import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { EngineOptions } from '../engine/index.js';
import { readNetFile } from '../net/read.js';
import { solverNets } from '../net/solver-nets.js';
import { clone } from '../schema/message.js';
import type { SolverParameter } from '../schema/messages.js';
import { CaffeDivergedError, Solver } from '../solver/index.js';
import { copyWeights } from '../weights/copy.js';
import { readBlobFile, readWeights } from '../weights/weight-file.js';
import type { OpenFeed } from './data-net.js';
import { DataNet } from './data-net.js';
import type { OutputValue, TrainingEvent } from './events.js';
import { OutputMeans, outputValues } from './outputs.js';
import { resumeSolver, Snapshots } from './snapshots.js';

/** What may be asked of a running trainer, as Caffe's signal effects. */
export type TrainerRequest = 'snapshot' | 'stop';

/** How to train. */
export interface TrainerOptions {
  readonly solver: SolverParameter;
  /** What file names are relative to. Default: the current folder, as in Caffe. */
  readonly folder?: string;
  /** Weights to start from, copied one after the other. Default: the solver's own `weights`, unless `snapshot` is given. */
  readonly weights?: readonly string[];
  /** A solverstate to continue from. */
  readonly snapshot?: string;
  /**
   * On resuming, start the data at their first item again, as Caffe does. Default: continue where they stood, so that the run
   * equals one that was not interrupted.
   */
  readonly restartData?: boolean;
  /** Seeds fillers, data and Dropout. Default: the solver's random_seed, else 0. */
  readonly seed?: number;
  readonly engine?: Omit<EngineOptions, 'params' | 'seed'>;
  /** Data for Input and MemoryData layers, or in place of layers' own. */
  readonly feed?: OpenFeed;
  readonly warn?: (message: string) => void;
}

/** A solver with its train net, its test nets, their data and their snapshots. */
export class Trainer implements AsyncDisposable {
  readonly options: SolverParameter;
  readonly solver: Solver;
  readonly train: DataNet;
  readonly tests: readonly DataNet[];
  readonly #given: TrainerOptions;
  readonly #snapshots: Snapshots;
  readonly #testIterations: readonly number[];
  readonly #requests: TrainerRequest[] = [];
  readonly #recent: number[] = [];
  readonly #recentFloors: (number | undefined)[] = [];
  #opening: TrainingEvent[] = [];
  #stop = false;

  private constructor(
    given: TrainerOptions,
    train: DataNet,
    tests: readonly DataNet[],
    testIterations: readonly number[],
  ) {
    this.#given = given;
    this.options = given.solver;
    this.train = train;
    this.tests = tests;
    this.#testIterations = testIterations;
    this.solver = new Solver(given.solver, train.engine);
    this.#snapshots = new Snapshots(given.solver, given.folder ?? process.cwd());
  }

  /**
   * Opens nets and data, loads weights or a state. Everything that can be refused is refused here, before a file is written.
   * @throws CaffeSolverError, CaffeNetError, CaffeFileError, CaffeWeightsError and what opening data throws
   */
  static async open(options: TrainerOptions): Promise<Trainer> {
    const { folder = process.cwd(), warn = () => {}, feed, engine = {} } = options;
    const solver = clone(options.solver);
    const seed = options.seed ?? (solver.random_seed >= 0n ? Number(solver.random_seed) : 0);
    const nets = await solverNets(solver, { readNet: (file) => readNetFile(resolve(folder, file)) });
    const common = {
      seed,
      folder,
      warn,
      engine: { readBlob: (file: string) => readBlobFile(resolve(folder, file)), ...engine },
      ...(feed && { feed }),
    };
    const opened: DataNet[] = [];
    try {
      opened.push(await DataNet.open({ ...common, ...nets.train }));
      const [train] = opened as [DataNet];
      const share = { ...train.net, values: train.engine.params };
      for (const test of nets.tests) opened.push(await DataNet.open({ ...common, ...test, share, ahead: 0 }));
      const testIterations = nets.tests.map(({ testIter }) => testIter);
      const trainer = new Trainer({ ...options, solver }, train, opened.slice(1), testIterations);
      if (trainer.#writes) await trainer.#snapshots.check();
      await trainer.#begin(folder, warn);
      // A layer or a provider that does not work is heard of now.
      if (trainer.solver.iteration < solver.max_iter) await train.engine.prepare({ backward: true });
      return trainer;
    } catch (error) {
      for (const net of opened) await net.close();
      throw error;
    }
  }

  get #writes(): boolean {
    return this.options.snapshot > 0 || this.options.snapshot_after_train;
  }

  async #begin(folder: string, warn: (message: string) => void): Promise<void> {
    const { snapshot, restartData = false } = this.#given;
    const own = snapshot === undefined ? this.options.weights.flatMap((files) => files.split(',')) : [];
    for (const file of this.#given.weights ?? own) {
      const read = await readWeights(resolve(folder, file));
      const report = copyWeights(this.train.net, this.train.engine.params, read);
      // What a test net does not share with the train net.
      for (const { net, engine } of this.tests) copyWeights(net, engine.params, read);
      for (const warning of report.warnings) warn(warning);
      this.#opening.push({ type: 'finetuning', file, report });
    }
    if (snapshot === undefined) return;
    const found = await resumeSolver(this.solver, snapshot, folder);
    const { iteration } = this.solver;
    this.#opening.push({ type: 'resuming', file: snapshot, weights: found, iteration });
    if (restartData) return;
    await this.train.skip(iteration * this.options.iter_size);
    const runs = Array.from({ length: iteration }, (_, i) => i).filter((i) => this.#testsAt(i)).length;
    for (const [i, test] of this.tests.entries()) await test.skip(runs * this.#testIterations[i]!);
  }

  /** Asks the run, at its next turn, to write a snapshot or to stop. */
  request(what: TrainerRequest): void {
    this.#requests.push(what);
  }

  /** Whether the solver tests before this iteration. */
  #testsAt(iteration: number): boolean {
    const { test_interval: interval, test_initialization: initially } = this.options;
    return interval > 0 && iteration % interval === 0 && (iteration > 0 || initially);
  }

  /**
   * Trains up to max_iter in Caffe's order: test, iterate, snapshot; at the end a snapshot where snapshot_after_train asks for
   * one, the loss of one more batch, a last test.
   * @throws CaffeDivergedError where the loss is not finite: snapshots stay as they are; LabelRangeError and other errors of data;
   * CaffeFileError where a snapshot cannot be written: the one before it stays whole
   */
  async *run(): AsyncGenerator<TrainingEvent, void, undefined> {
    yield* this.#opening;
    this.#opening = [];
    const { options, solver } = this;
    const { max_iter: last, snapshot: every, display } = options;
    while (solver.iteration < last) {
      if (this.#testsAt(solver.iteration)) yield* this.#testAll();
      if (this.#stop) break;
      yield* this.#iterate();
      // Signals are heard between iterations.
      await setImmediate();
      const asked = this.#take();
      if ((every > 0 && solver.iteration % every === 0) || asked.has('snapshot'))
        yield await this.#snapshot();
      if (this.#stop) break;
    }
    if (options.snapshot_after_train && (every <= 0 || solver.iteration % every !== 0)) {
      yield await this.#snapshot();
    }
    if (this.#stop) {
      yield { type: 'stopped', iteration: solver.iteration };
      return;
    }
    if (display > 0 && solver.iteration % display === 0) yield await this.#finalLoss();
    const { test_interval: interval } = options;
    if (interval > 0 && solver.iteration % interval === 0) yield* this.#testAll();
    yield { type: 'done', iteration: solver.iteration };
  }

  async *#iterate(): AsyncGenerator<TrainingEvent, void, undefined> {
    const { options, solver, train } = this;
    const started = performance.now();
    const floors: (number | undefined)[] = [];
    const stepBefore = solver.currentStep;
    let passes = 0;
    const { iteration, loss, smoothedLoss, rate, gradientNorm, outputs } = await solver.step(() => {
      // Known when a pass has been made.
      if (passes++ > 0) floors.push(train.floor);
      return train.next();
    });
    floors.push(train.floor);
    this.#remember(loss);
    const stepped = options.lr_policy === 'multistep' && solver.currentStep !== stepBefore;
    const floor = meanOf(floors);
    this.#recentFloors.push(floor);
    if (this.#recentFloors.length > options.average_loss) this.#recentFloors.shift();
    yield {
      type: 'iteration',
      iteration,
      loss,
      smoothedLoss,
      floor,
      smoothedFloor: meanOf(this.#recentFloors),
      rate,
      steppedTo: stepped ? solver.currentStep : undefined,
      gradientNorm,
      outputs: outputValues(train.net, { blobs: outputs }),
      display: options.display > 0 && iteration % options.display === 0,
      milliseconds: performance.now() - started,
    };
  }

  async *#testAll(): AsyncGenerator<TrainingEvent, void, undefined> {
    for (const i of this.tests.keys()) {
      if (this.#stop) return;
      yield* this.#test(i);
    }
  }

  async *#test(index: number): AsyncGenerator<TrainingEvent, void, undefined> {
    const { iteration } = this.solver;
    yield { type: 'testing', iteration, net: index };
    const test = this.tests[index]!;
    const means = new OutputMeans();
    for (let i = 0; i < this.#testIterations[index]!; i++) {
      const pass = await test.engine.forward(await test.next());
      means.add(outputValues(test.net, pass), pass.loss, { floor: test.floor, totals: test.totals() });
      await setImmediate();
      if (this.#take().has('snapshot')) yield await this.#snapshot();
      if (this.#stop) return;
    }
    yield { type: 'tested', iteration, net: index, ...means.means, showLoss: this.options.test_compute_loss };
  }

  async #snapshot(): Promise<TrainingEvent> {
    const { format, model, state } = await this.#snapshots.write(this.solver);
    return { type: 'snapshot', iteration: this.solver.iteration, format, model, state };
  }

  async #finalLoss(): Promise<TrainingEvent> {
    const { solver, train } = this;
    const { iteration } = solver;
    const { loss } = await train.engine.forward(await train.next(), {
      step: iteration * this.options.iter_size,
    });
    if (!Number.isFinite(loss)) throw new CaffeDivergedError(iteration, loss);
    this.#remember(loss);
    const sum = this.#recent.reduce((total, value) => total + value, 0);
    return { type: 'final-loss', iteration, loss: sum / this.#recent.length };
  }

  #remember(loss: number): void {
    this.#recent.push(loss);
    if (this.#recent.length > this.options.average_loss) this.#recent.shift();
  }

  #take(): Set<TrainerRequest> {
    const asked = new Set(this.#requests.splice(0));
    if (asked.has('stop')) this.#stop = true;
    return asked;
  }

  async close(): Promise<void> {
    await this.train.close();
    for (const test of this.tests) await test.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The mean; undefined where one of the values is. */
function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const sum = values.reduce((a, b) => (a === undefined || b === undefined ? undefined : a + b), 0);
  return sum === undefined ? undefined : sum / Math.max(1, values.length);
}

/** What a test found, batch by batch and in the mean. */
export interface TestResult {
  readonly outputs: readonly OutputValue[];
  readonly loss: number;
  readonly floor: number | undefined;
}

/** What a test found in the mean. */
export interface TestMeans extends TestResult {
  /** The loss that the best constant prediction would have; undefined where losses other than cross-entropies count. */
  readonly constant: number | undefined;
}

/** Runs a net over batches: yields every batch's outputs, returns the means. */
export async function* testNet(
  net: DataNet,
  iterations: number,
): AsyncGenerator<TestResult & { readonly batch: number }, TestMeans, undefined> {
  const means = new OutputMeans();
  for (let batch = 0; batch < iterations; batch++) {
    const pass = await net.engine.forward(await net.next());
    const outputs = outputValues(net.net, pass);
    means.add(outputs, pass.loss, { floor: net.floor, totals: net.totals() });
    yield { batch, outputs, loss: pass.loss, floor: net.floor };
    await setImmediate();
  }
  return means.means;
}
