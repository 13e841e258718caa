/** Cases of the losses along a class axis. */
import { categoricalCrossEntropy, softmaxCrossEntropy, type Loss } from '@softxent/core';
import { classLayouts, type Family } from './family.js';

const targets = ['float32', 'float64', 'float16', 'uint8', 'int32'] as const;

const classWeights = (extent: number): number[] =>
  Array.from({ length: extent }, (_, c) => [0.5, 2, 1.25, 0, 1][c % 5] as number);

export const softmaxFamily: Family = {
  kind: 'softmaxCrossEntropy',
  granularity: 'class',
  targets,
  variants: (extent) => [
    {},
    { classWeights: classWeights(extent) },
    { labelSmoothing: 0.125 },
    { temperature: 2 },
    { classWeights: classWeights(extent), labelSmoothing: 0.1, temperature: 0.7 },
    { floor: 'entropy' },
    { floor: 'entropy', temperature: 3, labelSmoothing: 0.1 },
    { floor: 'entropy', classWeights: classWeights(extent) },
  ],
  make: (options) => softmaxCrossEntropy(options) as Loss,
  prediction: () => 'logits',
  layouts: classLayouts,
  extremes: {
    predictions: [0, 1e-6, -20, 20, 88, -88, 1e4, -1e4, Infinity, -Infinity, NaN],
    targets: [0, 1, 0.5, 1e-7, 0.999999],
  },
};

export const categoricalFamily: Family = {
  kind: 'categoricalCrossEntropy',
  granularity: 'class',
  targets,
  variants: () => [{}, { epsilon: 2 ** -6 }],
  make: (options) => categoricalCrossEntropy(options) as Loss,
  prediction: () => 'probabilities',
  layouts: classLayouts,
  extremes: { predictions: [0, 1, 0.5, 1e-7, 0.999999], targets: [0, 1, 0.5, 1e-7] },
};
