/**
 * Trains a small tf.LayersModel on soft labels. Its loss does not go to 0: it goes to the mean entropy of the labels, the least that any
 * prediction can reach. With `floor: 'entropy'` the same loss is shown as what is left to learn, and goes to 0.
 * `main()` prints both; `soft-labels.test.ts` runs them.
 */
import { openSync, sigmoidCrossEntropy } from '@softxent/core';
import { tfjs, tfLosses } from '@softxent/tfjs';
import * as tf from '@tensorflow/tfjs';

/** What a training run was like. */
export interface Training {
  /** The loss after each epoch. */
  readonly losses: readonly number[];
  /** The mean entropy of the labels, in nats. */
  readonly floor: number;
}

const entropyOf = (t: number): number => -(1 - t) * Math.log(1 - t) - t * Math.log(t);

/** 64 points of a plane, and how sure annotators are that each lies on one side of a line. */
function softLabels(): { points: number[][]; labels: number[][] } {
  const points = Array.from({ length: 64 }, (_, i) => [((i % 8) - 3.5) / 2, (Math.floor(i / 8) - 3.5) / 2]);
  const labels = points.map(([x = 0, y = 0]) => [1 / (1 + Math.exp(-(1.5 * x - y + 0.5)))]);
  return { points, labels };
}

/** Trains for some epochs. Any synchronous session would do in the place of TensorFlow.js's own cpu backend: `cpu()` for one. */
export async function train(floor: 'none' | 'entropy', epochs: number): Promise<Training> {
  await tf.setBackend('cpu');
  using session = openSync(tfjs(tf, { backend: 'cpu' }));
  const loss = tfLosses(tf, session).forLayers(sigmoidCrossEntropy({ floor }));
  const { points, labels } = softLabels();
  const [x, y] = [tf.tensor2d(points), tf.tensor2d(labels)];
  // No sigmoid here: the loss wants logits, which keep digits that probabilities lose.
  const model = tf.sequential({
    layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: 'zeros' })],
  });
  model.compile({ optimizer: tf.train.momentum(1, 0.5), loss });
  try {
    const history = await model.fit(x, y, { epochs, batchSize: 64 });
    return {
      losses: history.history['loss'] as number[],
      floor: labels.reduce((sum, [t = 0]) => sum + entropyOf(t), 0) / labels.length,
    };
  } finally {
    model.dispose();
    x.dispose();
    y.dispose();
  }
}

/** Prints both runs. */
export async function main(): Promise<void> {
  for (const floor of ['none', 'entropy'] as const) {
    const { losses, floor: entropy } = await train(floor, 60);
    console.log(`floor: '${floor}' (mean entropy of the labels: ${entropy.toFixed(6)})`);
    for (const epoch of [1, 2, 5, 10, 20, 60]) {
      console.log(`  epoch ${String(epoch).padStart(2)}  loss ${losses[epoch - 1]?.toExponential(4)}`);
    }
  }
}
