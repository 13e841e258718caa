/**
 * A training loop of TensorFlow.js with a loss of softxent: a small convolutional net learns soft segmentation masks, and the border that
 * nobody agreed on is masked out. Any synchronous session computes the loss; here it is plain JavaScript.
 */
import { cpu } from '@softxent/backend-cpu';
import { openSync } from '@softxent/core';
import { tfLosses } from '@softxent/tfjs';
import * as tf from '@tensorflow/tfjs';

await tf.setBackend('cpu');
using session = openSync(cpu());
const losses = tfLosses(tf, session);

// 4 images of a disc of 16 x 16 pixels; the label of a pixel is how much of it the disc covers.
const [count, size] = [4, 16];
const pixel = (i: number): { image: number; distance: number } => {
  const image = Math.floor(i / (size * size));
  const [x, y] = [(i % size) - 7.5, (Math.floor(i / size) % size) - 7.5];
  return { image, distance: Math.hypot(x, y) - (3 + image) };
};
const of = (value: (at: ReturnType<typeof pixel>) => number): Float32Array =>
  Float32Array.from({ length: count * size * size }, (_, i) => value(pixel(i)));
const shape: [number, number, number, number] = [count, size, size, 1];
const images = tf.tensor4d(
  of(({ distance }) => Math.exp(-Math.max(0, distance)) + 0.05 * Math.sin(9 * distance)),
  shape,
);
const labels = tf.tensor4d(
  of(({ distance }) => 1 / (1 + Math.exp(3 * distance))),
  shape,
);
const mask = tf
  .tensor4d(
    of(({ distance, image }) => (image === 3 && distance > 3 ? 0 : 1)),
    shape,
  )
  .toBool();

const kernels = [
  tf.variable(tf.randomNormal<tf.Rank.R4>([3, 3, 1, 4], 0, 0.5, 'float32', 1)),
  tf.variable(tf.randomNormal<tf.Rank.R4>([3, 3, 4, 1], 0, 0.5, 'float32', 2)),
] as const;
const predict = (): tf.Tensor4D => images.conv2d(kernels[0], 1, 'same').tanh().conv2d(kernels[1], 1, 'same');

const optimizer = tf.train.adam(0.05);
for (let step = 0; step <= 60; step++) {
  const value = optimizer.minimize(
    () =>
      losses
        .sigmoidCrossEntropy(predict(), labels, { mask, reduction: 'mean-valid', floor: 'entropy' })
        .asScalar(),
    true,
  );
  if (step % 20 === 0) console.log(`step ${step}: ${value?.dataSync()[0]?.toFixed(4)} above the floor`);
  value?.dispose();
}
