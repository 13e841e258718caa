/** What the page and the worker both do: logits learn the soft labels of a blurred disc by following their gradient. */
import { sigmoidCrossEntropy, tensor, type Session } from 'softxent';

/** Width and height of the image. */
export const size = 64;

/** How much of each pixel a disc with a blurred edge covers. */
export function disc(): Float32Array {
  return Float32Array.from({ length: size * size }, (_, i) => {
    const distance = Math.hypot((i % size) - 31.5, Math.floor(i / size) - 31.5) - 20;
    return 1 / (1 + Math.exp(distance / 2));
  });
}

/** What came of it. */
export interface Fit {
  /** Mean loss, and the least that it can be: the mean entropy of the labels. */
  readonly loss: number;
  readonly floor: number;
  readonly logits: Float32Array;
}

/** Follows the gradient for some steps. */
export async function fit(session: Session, steps: number): Promise<Fit> {
  const shape = [size, size];
  const logits = tensor(new Float32Array(size * size), shape);
  const targets = tensor(disc(), shape);
  const operands = { logits, targets };
  const gradients = { logits: tensor(new Float32Array(size * size), shape) };
  const loss = await session.compile(sigmoidCrossEntropy({ reduction: 'sum' }), operands);
  for (let step = 0; step < steps; step++) {
    await loss.run(operands, { into: { gradients } });
    gradients.logits.data.forEach((g, i) => {
      logits.data[i] = (logits.data[i] ?? 0) - 4 * g;
    });
  }
  await loss.dispose();
  const value = await session.value(sigmoidCrossEntropy(), operands);
  const left = await session.value(sigmoidCrossEntropy({ floor: 'entropy' }), operands);
  return { loss: value, floor: value - left, logits: logits.data };
}

/** The result in words. */
export function describe(description: string, { loss, floor }: Omit<Fit, 'logits'>): string {
  return `${description}: loss ${loss.toFixed(4)}, floor ${floor.toFixed(4)}`;
}
