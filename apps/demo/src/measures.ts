/** Loss, floor and gap of logits against soft labels. */
import {
  binaryCrossEntropy,
  f32,
  sigmoidCrossEntropy,
  u8,
  type SyncSession,
  type Tensor,
} from '@softxent/core';

/** Means over pixels, in nats. */
export interface Measures {
  /** Cross-entropy of the labels with the predictions. */
  readonly loss: number;
  /** Entropy of the labels: the least loss that any prediction can have. */
  readonly floor: number;
  /** Divergence of the predictions from the labels: what a better prediction can still win. */
  readonly gap: number;
}

/**
 * Compiles the three for tensors of this shape. Each is a loss of its own: the gap is computed as a divergence, not as
 * loss - floor, so that it keeps its digits when it is small.
 */
export function compileMeasures(
  session: SyncSession,
  shape: readonly number[],
): (logits: Tensor<'float32'>, targets: Tensor<'uint8'>) => Measures {
  const valueOnly = { gradients: [] };
  const ofLogits = { logits: f32(shape), targets: u8(shape) };
  const loss = session.compile(sigmoidCrossEntropy(), ofLogits, valueOnly);
  const gap = session.compile(sigmoidCrossEntropy({ floor: 'entropy' }), ofLogits, valueOnly);
  // The entropy of the labels is their cross-entropy with themselves.
  const floor = session.compile(
    binaryCrossEntropy(),
    { probabilities: f32(shape), targets: u8(shape) },
    valueOnly,
  );
  const probabilities = { ...f32(shape), data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
  return (logits, targets) => {
    for (let i = 0; i < probabilities.data.length; i += 1) probabilities.data[i] = targets.data[i]! / 255;
    return {
      loss: loss.run({ logits, targets }).value,
      floor: floor.run({ probabilities, targets }).value,
      gap: gap.run({ logits, targets }).value,
    };
  };
}

/** The mean of measures that were taken over equally many pixels. */
export function meanMeasures(all: readonly Measures[]): Measures {
  const mean = (key: keyof Measures): number =>
    all.reduce((sum, measures) => sum + measures[key], 0) / all.length;
  return { loss: mean('loss'), floor: mean('floor'), gap: mean('gap') };
}
