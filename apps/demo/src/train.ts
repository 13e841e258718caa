/** The whole experiment but for its output: data, training, evaluation. */
import type { SyncSession } from '@softxent/core';
import { Classifier } from './classifier.js';
import { makeAnnotators } from './data/annotators.js';
import { makeDataset, meanTarget, type Dataset } from './data/dataset.js';
import type { Measures } from './measures.js';
import { Random } from './random.js';

/** Options of {@link Experiment}; the same options give the same numbers. */
export interface ExperimentOptions {
  readonly session: SyncSession;
  readonly seed: number;
  /** Steps of training. */
  readonly steps: number;
  /** Height and width of the images. */
  readonly size: number;
  /** Images a step. */
  readonly batch: number;
  /** Numbers of images: multiples of `batch`. */
  readonly training: number;
  readonly heldOut: number;
  readonly annotators: number;
  /** Channels of the network's hidden layers. */
  readonly channels: number;
  readonly learningRate: number;
}

/** Everything about an experiment but where it is computed. */
export type Settings = Omit<ExperimentOptions, 'session'>;

/** What `npm start` runs. */
export const defaults: Settings = {
  seed: 1,
  steps: 200,
  size: 64,
  batch: 2,
  training: 64,
  heldOut: 16,
  annotators: 5,
  channels: 6,
  learningRate: 0.015,
};

/** How well the network does on data that it learns from and on data that it never sees. */
export interface Evaluation {
  readonly step: number;
  readonly training: Measures;
  readonly heldOut: Measures;
}

/** Where training stands after a step. */
export interface Progress {
  readonly step: number;
  /** The gap on the step's batch. */
  readonly gap: number;
  /** Present ten times in a training, and after the last step. */
  readonly evaluation?: Evaluation;
}

/** A data set, a network, and how the one is taught to the other. */
export class Experiment {
  readonly training: Dataset;
  readonly heldOut: Dataset;
  readonly #options: ExperimentOptions;
  readonly #classifier: Classifier;
  readonly #order: Random;

  constructor(options: ExperimentOptions) {
    const { session, seed, size, batch, channels } = options;
    const random = new Random(seed);
    const annotators = makeAnnotators(options.annotators, random.fork());
    this.#options = options;
    this.training = makeDataset({ count: options.training, size, annotators, random: random.fork() });
    this.heldOut = makeDataset({ count: options.heldOut, size, annotators, random: random.fork() });
    this.#classifier = new Classifier({ session, batch, size, channels, random: random.fork() });
    this.#order = random.fork();
  }

  /** Trains step by step: Adam, its rate falling to 0 along half a cosine. */
  *train(): Generator<Progress, void> {
    const { steps, learningRate } = this.#options;
    const interval = Math.max(1, Math.ceil(steps / 10));
    const batches = this.#batches();
    for (let step = 1; step <= steps; step += 1) {
      const rate = (learningRate * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2;
      const gap = this.#classifier.learn(this.training, batches.next().value, rate);
      if (step % interval === 0 || step === steps) yield { step, gap, evaluation: this.evaluate(step) };
      else yield { step, gap };
    }
  }

  /** Evaluates the network as it is, on all held-out images and as many training images. */
  evaluate(step: number): Evaluation {
    const { training, heldOut } = this.#options;
    return {
      step,
      training: this.#classifier.evaluate(this.training, Math.min(training, heldOut)),
      heldOut: this.#classifier.evaluate(this.heldOut, heldOut),
    };
  }

  /** Held-out measures of the best predictor that does not look at the image: the training labels' mean everywhere. */
  evaluateConstant(): Measures {
    return this.#classifier.evaluateConstant(this.heldOut, this.heldOut.count, meanTarget(this.training));
  }

  /** Predicted probabilities for the first `count` held-out images. */
  predictHeldOut(count: number): Float32Array {
    return this.#classifier.probabilities(this.heldOut, count);
  }

  /** Batches without end: all training images in random order, then again in another. */
  *#batches(): Generator<readonly number[], never> {
    const { batch, training } = this.#options;
    for (;;) {
      const order = this.#order.permutation(training);
      for (let first = 0; first < training; first += batch) yield order.slice(first, first + batch);
    }
  }
}
