/** Cases of the losses over single elements. */
import { binaryCrossEntropy, qualityFocal, sigmoidCrossEntropy, type Loss } from '@softxent/core';
import { elementLayouts, type Family } from './family.js';

const softTargets = ['float32', 'float64', 'float16', 'uint8'] as const;

/** Logits at which forms that cancel, overflow or underflow show it. */
export const extremeLogits: readonly number[] = [
  0,
  -0,
  1e-6,
  -1e-6,
  1,
  -1,
  10,
  -15,
  17,
  20,
  -20,
  35,
  60,
  -60,
  80,
  -80,
  87,
  -87,
  88,
  -88,
  100,
  -100,
  1e4,
  -1e4,
  Infinity,
  -Infinity,
  NaN,
];

/** Targets that are sure, nearly sure, undecided, or no probability. */
export const extremeTargets: readonly number[] = [0, 1, 0.5, 1e-7, 0.999999, 0.25, 1e-30, NaN];

export const sigmoidFamily: Family = {
  kind: 'sigmoidCrossEntropy',
  granularity: 'element',
  targets: softTargets,
  variants: () => [
    {},
    { posWeight: 2.5 },
    { labelSmoothing: 0.125 },
    { posWeight: 0.3, labelSmoothing: 0.1 },
    { floor: 'entropy' },
    { floor: 'entropy', posWeight: 2.5 },
    { floor: 'entropy', labelSmoothing: 0.1 },
  ],
  make: (options) => sigmoidCrossEntropy(options) as Loss,
  prediction: () => 'logits',
  layouts: elementLayouts,
  extremes: { predictions: extremeLogits, targets: extremeTargets },
};

export const focalFamily: Family = {
  kind: 'qualityFocal',
  granularity: 'element',
  targets: softTargets,
  variants: () => [{}, { beta: 0 }, { beta: 1 }, { beta: 3 }, { beta: 2.5 }],
  make: (options) => qualityFocal(options) as Loss,
  prediction: () => 'logits',
  layouts: elementLayouts,
  // Below 1e-9, the third power of a difference leaves the range of float32.
  extremes: { predictions: extremeLogits, targets: extremeTargets.map((t) => (t === 1e-30 ? 1e-9 : t)) },
};

export const binaryFamily: Family = {
  kind: 'binaryCrossEntropy',
  granularity: 'element',
  targets: softTargets,
  variants: () => [{}, { epsilon: 2 ** -6 }],
  make: (options) => binaryCrossEntropy(options) as Loss,
  prediction: () => 'probabilities',
  layouts: elementLayouts,
  extremes: {
    predictions: [
      0,
      1,
      0.5,
      0.25,
      1e-7,
      0.999999,
      2 ** -24,
      1 - 2 ** -11,
      NaN,
      -0.25,
      1.5,
      Infinity,
      -Infinity,
    ],
    targets: [0, 1, 0.5, 0.25, 1e-7, 0.999999, NaN],
  },
};
