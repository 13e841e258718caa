/** A network with the loss that it learns by, both made for batches of one size. */
import {
  f32,
  sigmoidCrossEntropy,
  sizeOf,
  u8,
  type SyncCompiledLoss,
  type SyncSession,
  type Tensor,
} from '@softxent/core';
import type { Dataset } from './data/dataset.js';
import { compileMeasures, meanMeasures, type Measures } from './measures.js';
import { Adam } from './model/adam.js';
import { Network } from './model/network.js';
import type { Random } from './random.js';

/** Options of {@link Classifier}. */
export interface ClassifierOptions {
  readonly session: SyncSession;
  /** Images a batch. */
  readonly batch: number;
  /** Height and width of an image. */
  readonly size: number;
  /** Channels of the hidden layers. */
  readonly channels: number;
  readonly random: Random;
}

function float32(shape: readonly number[]): Tensor<'float32'> & { readonly data: Float32Array } {
  return { ...f32(shape), data: new Float32Array(sizeOf(shape)) };
}

/** Predicts, for every pixel, which share of the annotators would count it to a cell. */
export class Classifier {
  readonly #network: Network;
  readonly #adam: Adam;
  readonly #loss: SyncCompiledLoss<'mean', 'logits'>;
  readonly #measure: (logits: Tensor<'float32'>, targets: Tensor<'uint8'>) => Measures;
  readonly #batch: number;
  readonly #inputs: Float32Array;
  readonly #logits: Tensor<'float32'>;
  readonly #targets: Tensor<'uint8'>;
  readonly #gradient: Tensor<'float32'>;

  constructor({ session, batch, size, channels, random }: ClassifierOptions) {
    const shape = [batch, 1, size, size];
    this.#batch = batch;
    this.#network = new Network({
      input: { images: batch, channels: 1, height: size, width: size },
      channels,
      floats: Float32Array,
      random,
    });
    this.#adam = new Adam(this.#network.parameters);
    const loss = sigmoidCrossEntropy({ reduction: 'mean', floor: 'entropy', validate: 'throw' });
    this.#loss = session.compile(loss, { logits: f32(shape), targets: u8(shape) });
    this.#measure = compileMeasures(session, shape);
    this.#inputs = new Float32Array(sizeOf(shape));
    this.#logits = float32(shape);
    this.#gradient = float32(shape);
    this.#targets = { ...u8(shape), data: new Uint8Array(sizeOf(shape)) };
  }

  /** One step of training on a batch of images, given by their numbers; returns the gap before the step. */
  learn(dataset: Dataset, images: readonly number[], learningRate: number): number {
    this.#predict(dataset, images);
    const operands = { logits: this.#logits, targets: this.#targets };
    const { value } = this.#loss.run(operands, { into: { gradients: { logits: this.#gradient } } });
    this.#network.backward(this.#gradient.data);
    this.#adam.step(learningRate);
    return value;
  }

  /** Loss, floor and gap over the first `count` images of a data set, a multiple of the batch's size. */
  evaluate(dataset: Dataset, count: number): Measures {
    return this.#overBatches(count, (images) => this.#predict(dataset, images));
  }

  /** The same for a predictor that says `probability` for every pixel. */
  evaluateConstant(dataset: Dataset, count: number, probability: number): Measures {
    const logit = Math.log(probability / (1 - probability));
    return this.#overBatches(count, (images) => {
      this.#gather(dataset, images);
      this.#logits.data.fill(logit);
    });
  }

  /** Predicted probabilities for the first `count` images of a data set: [count, 1, size, size]. */
  probabilities(dataset: Dataset, count: number): Float32Array {
    const area = dataset.size * dataset.size;
    const result = new Float32Array(count * area);
    for (let first = 0; first < count; first += this.#batch) {
      // The last batch is filled up with the last image.
      const images = Array.from({ length: this.#batch }, (_, i) => Math.min(first + i, count - 1));
      this.#predict(dataset, images);
      const end = Math.min(count - first, this.#batch) * area;
      for (let i = 0; i < end; i += 1) {
        result[first * area + i] = 1 / (1 + Math.exp(-this.#logits.data[i]!));
      }
    }
    return result;
  }

  #overBatches(count: number, fill: (images: readonly number[]) => void): Measures {
    const all: Measures[] = [];
    for (let first = 0; first < count; first += this.#batch) {
      fill(Array.from({ length: this.#batch }, (_, i) => first + i));
      all.push(this.#measure(this.#logits, this.#targets));
    }
    return meanMeasures(all);
  }

  #predict(dataset: Dataset, images: readonly number[]): void {
    this.#gather(dataset, images);
    this.#logits.data.set(this.#network.forward(this.#inputs));
  }

  /** Copies images, brought to mean near 0 and variance near 1, and their labels into the batch. */
  #gather(dataset: Dataset, images: readonly number[]): void {
    const area = dataset.size * dataset.size;
    for (const [slot, image] of images.entries()) {
      const from = image * area;
      for (let i = 0; i < area; i += 1) {
        this.#inputs[slot * area + i] = 6 * (dataset.images[from + i]! - 0.4);
      }
      this.#targets.data.set(dataset.targets.subarray(from, from + area), slot * area);
    }
  }
}
