import type { Engine, Feeds, Pass } from '../engine/index.js';
import { countOf } from '../net/shape.js';
import type { SolverParameter } from '../schema/messages.js';
import type { SolverStateInit, StoredSolverState } from '../weights/solver-state.js';
import { solverHistory } from '../weights/solver-state.js';
import { CaffeDivergedError, CaffeSolverError } from './errors.js';
import { checkRate, learningRate, stepAt } from './rate.js';
import type { Rule } from './update.js';
import { ruleOf } from './update.js';

/** What a solverstate holds, but for the name of the file with the weights. */
export type SolverProgress = Omit<SolverStateInit, 'learnedNet'>;

/** What one iteration gave. */
export interface Iteration {
  /** Its number, from 0. */
  readonly iteration: number;
  /** The mean over the iter_size passes. */
  readonly loss: number;
  /** The mean over the last average_loss iterations of this run. */
  readonly smoothedLoss: number;
  readonly rate: number;
  /** The Euclidean norm of all gradients before clipping; absent without clip_gradients. */
  readonly gradientNorm?: number;
  /** The losses of the passes, in order. */
  readonly passes: readonly number[];
  /** The net's outputs in the last pass, by name. */
  readonly outputs: Pass['blobs'];
}

/**
 * Trains the parameters of an engine's net, as Caffe's solvers do: passes, clipping, decay, update.
 *
 * ```ts
 * const solver = new Solver(solverParameter, engine);
 * while (solver.iteration < solverParameter.max_iter) await solver.step(() => nextBatch());
 * ```
 */
export class Solver {
  readonly options: SolverParameter;
  readonly engine: Engine;
  /** What the update rule remembers: for each history of the rule, one array for every learnable parameter. */
  readonly history: readonly (readonly Float32Array<ArrayBuffer>[])[];
  readonly #rule: Rule;
  /** Parameters whose gradient does not add up over the passes of an iteration. */
  readonly #last: readonly boolean[];
  readonly #recent: number[] = [];
  #started = 0;
  #iteration = 0;
  #currentStep = 0;
  #smoothed = 0;

  /** @throws CaffeSolverError for a type, a rate policy or options that do not work */
  constructor(options: SolverParameter, engine: Engine) {
    checkRate(options);
    if (options.iter_size < 1)
      throw new CaffeSolverError(`iter_size is ${options.iter_size}; expected 1 or more`);
    if (options.average_loss < 1) {
      throw new CaffeSolverError(`average_loss is ${options.average_loss}; expected 1 or more`);
    }
    const { regularization_type: decayType } = options;
    if (decayType !== 'L1' && decayType !== 'L2') {
      throw new CaffeSolverError(`regularization_type is "${decayType}"; expected "L1" or "L2"`);
    }
    this.options = options;
    this.engine = engine;
    this.#rule = ruleOf(options);
    const { net } = engine;
    this.history = Array.from({ length: this.#rule.histories }, () =>
      net.learnable.map(({ shape }) => new Float32Array(countOf(shape))),
    );
    // In Caffe a Parameter layer shares its gradient with its top: every pass overwrites it.
    this.#last = net.learnable.map(({ param }) => net.layers[net.params[param]!.layer]!.type === 'Parameter');
  }

  /** The number of the next iteration, from 0. */
  get iteration(): number {
    return this.#iteration;
  }

  /** How many steps down the rate has taken (policies "step" and "multistep"). */
  get currentStep(): number {
    return this.#currentStep;
  }

  /**
   * Makes one iteration: iter_size passes over what `next` gives, then one update.
   * @throws CaffeDivergedError where the loss is not finite; nothing is updated then
   */
  async step(next: () => Feeds | Promise<Feeds>): Promise<Iteration> {
    const { options, engine } = this;
    const { iter_size: size } = options;
    const iteration = this.#iteration;
    const passes: number[] = [];
    let gradients: readonly Float32Array[] = [];
    let outputs: Pass['blobs'] = new Map();
    for (let i = 0; i < size; i++) {
      const pass = await engine.forwardBackward(await next(), { step: iteration * size + i });
      const { loss } = pass;
      outputs = pass.blobs;
      if (!Number.isFinite(loss)) throw new CaffeDivergedError(iteration, loss);
      passes.push(loss);
      gradients = i === 0 ? [...engine.gradients] : this.#added(gradients, engine.gradients);
    }
    this.#currentStep = stepAt(options, iteration, this.#currentStep);
    const rate = learningRate(options, iteration, this.#currentStep);
    const clip = options.clip_gradients >= 0 ? clipping(gradients, options.clip_gradients) : null;
    this.#update(gradients, rate, (clip?.scale ?? 1) / size);
    this.#iteration++;
    const loss = passes.reduce((sum, value) => sum + value, 0) / size;
    return {
      iteration,
      loss,
      smoothedLoss: this.#smooth(loss),
      rate,
      passes,
      outputs,
      ...(clip && { gradientNorm: clip.norm }),
    };
  }

  /** The rate of the next iteration. */
  get rate(): number {
    const step = stepAt(this.options, this.#iteration, this.#currentStep);
    return learningRate(this.options, this.#iteration, step);
  }

  #added(sums: readonly Float32Array[], more: readonly Float32Array[]): Float32Array[] {
    return sums.map((sum, k) => {
      const gradient = more[k]!;
      if (this.#last[k]) return gradient;
      const total = new Float32Array(sum.length);
      for (let i = 0; i < total.length; i++) total[i] = sum[i]! + gradient[i]!;
      return total;
    });
  }

  #update(gradients: readonly Float32Array[], rate: number, scale: number): void {
    const { weight_decay: decay, regularization_type: decayType } = this.options;
    for (const [i, { lrMult, decayMult }] of this.engine.net.learnable.entries()) {
      this.#rule.update(
        {
          values: this.engine.params[i]!,
          gradient: gradients[i]!,
          history: this.history.map((arrays) => arrays[i]!),
        },
        {
          rate: rate * lrMult,
          scale,
          decay: decay * decayMult,
          l1: decayType === 'L1',
          iteration: this.#iteration,
        },
        this.options,
      );
    }
  }

  #smooth(loss: number): number {
    const { average_loss: window } = this.options;
    if (this.#recent.length < window) {
      this.#recent.push(loss);
      this.#smoothed += (loss - this.#smoothed) / this.#recent.length;
    } else {
      const at = this.#started % window;
      this.#smoothed += (loss - this.#recent[at]!) / window;
      this.#recent[at] = loss;
    }
    this.#started++;
    return this.#smoothed;
  }

  /** What has to be stored to continue from here, besides the parameters. The arrays are not copied. */
  state(): SolverProgress {
    return {
      iter: this.#iteration,
      currentStep: this.#currentStep,
      history: this.history.flatMap((arrays) =>
        arrays.map((data, i) => ({ shape: this.engine.net.learnable[i]!.shape, data })),
      ),
    };
  }

  /**
   * Continues from a stored state; the weights that belong to it are loaded by whoever reads the file.
   * @throws CaffeWeightsError where the state is that of another net or type of solver; nothing is changed then
   */
  restore(state: StoredSolverState, file = 'the solver state'): void {
    const shapes = this.history.flatMap(() => this.engine.net.learnable.map(({ shape }) => shape));
    const stored = solverHistory(state, shapes, file);
    for (const [k, target] of this.history.flat().entries()) target.set(stored[k]!);
    this.#iteration = state.iter;
    this.#currentStep = state.currentStep;
    this.#recent.length = 0;
    this.#started = 0;
    this.#smoothed = 0;
  }
}

/** What to multiply gradients with so that the norm over all of them is at most `limit`. */
function clipping(gradients: readonly Float32Array[], limit: number): { norm: number; scale: number } {
  let squares = 0;
  for (const gradient of gradients) for (const value of gradient) squares += value * value;
  const norm = Math.sqrt(squares);
  return { norm, scale: norm > limit ? limit / norm : 1 };
}
