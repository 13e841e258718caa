/** A point of the loss with all its digits: the float64 reference at a logit and a soft label as float32 stores them. */
import { binaryCrossEntropy, sigmoidCrossEntropy, tensor } from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';

/** What the page shows of the loss at one logit and one soft label, in nats. */
export interface Point {
  /** H(t, sigma(x)). */
  readonly loss: number;
  /** sigma(x) - t. */
  readonly gradient: number;
  /** H(t), the least loss that any prediction reaches: the entropy of the label. */
  readonly floor: number;
  /** KL(t || sigma(x)): the loss above its floor. */
  readonly excess: number;
}

const plain = sigmoidCrossEntropy({ reduction: 'sum' });
const aboveFloor = sigmoidCrossEntropy({ reduction: 'sum', floor: 'entropy' });
const ofProbabilities = binaryCrossEntropy({ reduction: 'sum' });

const one = (value: number) => tensor(new Float32Array([value]));

/** The loss at a logit and a soft label; both are rounded to float32 first, since that is what a program would hold. */
export function exactAt(logit: number, target: number): Point {
  const operands = { logits: one(logit), targets: one(target) };
  const { value, gradients } = referenceLoss(plain, operands, { gradients: ['logits'] });
  return {
    loss: value as number,
    gradient: gradients['logits']?.[0] ?? Number.NaN,
    floor: entropy(target),
    excess: referenceLoss(aboveFloor, operands, { gradients: [] }).value as number,
  };
}

/** Many points at once, at the logits given, for drawing. */
export function exactAlong(logits: Float32Array, target: number): readonly Point[] {
  const targets = tensor(new Float32Array(logits.length).fill(target));
  const operands = { logits: tensor(logits), targets };
  const { rows, gradients } = referenceLoss(plain, operands, { gradients: ['logits'] });
  const excess = referenceLoss(aboveFloor, operands, { gradients: [] }).rows;
  const floor = entropy(target);
  return Array.from(rows, (loss, i) => ({
    loss,
    gradient: gradients['logits']?.[i] ?? Number.NaN,
    floor,
    excess: excess[i] ?? Number.NaN,
  }));
}

/** H(t) of a soft label as float32 stores it. */
export function entropy(target: number): number {
  const operands = { probabilities: one(target), targets: one(target) };
  return referenceLoss(ofProbabilities, operands, { gradients: [] }).value as number;
}

/** The logit whose prediction is the label: where the loss is its floor. Infinite for labels 0 and 1. */
export function bestLogit(target: number): number {
  const t = Math.fround(target);
  return Math.log(t) - Math.log1p(-t);
}
