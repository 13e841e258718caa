/** Helpers of this package's tests. */
import {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  dice,
  diceSemimetric,
  jaccardMetric,
  qualityFocal,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  tensor,
  tversky,
  type Loss,
  type Tensor,
} from '@softxent/core';
import { probeProvider, type Provider } from './runtime/index.js';

/** Numbers in [0, 1) that are the same in every run. */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Every built-in loss, in forms that differ in arithmetic; `none` as reduction, so that every row is seen. */
export const losses: readonly (readonly [
  name: string,
  loss: Loss,
  prediction: 'logits' | 'probabilities',
])[] = [
  ['sigmoidCrossEntropy', sigmoidCrossEntropy({ reduction: 'none' }), 'logits'],
  [
    'sigmoidCrossEntropy, weighted and smoothed',
    sigmoidCrossEntropy({ reduction: 'none', posWeight: 2.5, labelSmoothing: 0.1 }),
    'logits',
  ],
  [
    'sigmoidCrossEntropy above its floor',
    sigmoidCrossEntropy({ reduction: 'none', floor: 'entropy' }),
    'logits',
  ],
  ['qualityFocal', qualityFocal({ reduction: 'none' }), 'logits'],
  ['qualityFocal with a broken exponent', qualityFocal({ reduction: 'none', beta: 2.5 }), 'logits'],
  ['softmaxCrossEntropy', softmaxCrossEntropy({ reduction: 'none' }), 'logits'],
  [
    'softmaxCrossEntropy, weighted, smoothed and cooled',
    softmaxCrossEntropy({
      reduction: 'none',
      classWeights: [1, 2, 3, 4, 0.5],
      temperature: 2,
      labelSmoothing: 0.1,
    }),
    'logits',
  ],
  [
    'softmaxCrossEntropy above its floor',
    softmaxCrossEntropy({ reduction: 'none', floor: 'entropy' }),
    'logits',
  ],
  ['softmaxCrossEntropy along the last axis', softmaxCrossEntropy({ reduction: 'none', axis: -1 }), 'logits'],
  ['binaryCrossEntropy', binaryCrossEntropy({ reduction: 'none' }), 'probabilities'],
  ['categoricalCrossEntropy', categoricalCrossEntropy({ reduction: 'none' }), 'probabilities'],
  ['dice', dice({ reduction: 'none' }), 'logits'],
  ['diceSemimetric', diceSemimetric({ reduction: 'none' }), 'logits'],
  ['jaccardMetric', jaccardMetric({ reduction: 'none' }), 'logits'],
  ['tversky', tversky({ reduction: 'none', alpha: 0.3, beta: 0.7 }), 'logits'],
];

/** A tensor of random numbers in [low, high). */
export function randomTensor(shape: readonly number[], seed: number, low = 0, high = 1): Tensor<'float32'> {
  const next = uniform(seed);
  const size = shape.reduce((product, dim) => product * dim, 1);
  return tensor(
    Float32Array.from({ length: size }, () => low + (high - low) * next()),
    shape,
  );
}

/** The worst error in units of the last place of float32 (or of `epsilon`), at the magnitude of the larger of result and scale. */
export function worstUlp(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  scales: ArrayLike<number>,
  epsilon = 2 ** -23,
): number {
  let worst = 0;
  for (let i = 0; i < want.length; i++) {
    const [g, w, scale] = [got[i]!, want[i]!, scales[i]!];
    if (Object.is(g, w) || g === w) continue;
    if (!Number.isFinite(g) || !Number.isFinite(w)) return Infinity;
    const magnitude = Math.max(Math.abs(w), scale, 2 ** -126);
    worst = Math.max(worst, Math.abs(g - w) / (epsilon * 2 ** Math.floor(Math.log2(magnitude))));
  }
  return worst;
}

/** Why tests on a provider cannot run here, as a suffix of their names; empty where they can. */
export async function reasonToSkip(provider: Provider): Promise<string> {
  try {
    await probeProvider({ provider, threads: 1 });
    return '';
  } catch (error) {
    // The first line: what follows is advice.
    return ` (skipped: ${(error as Error).message.split(/[\n;]/)[0]})`;
  }
}
