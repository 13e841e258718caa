import { OptionError } from '../errors.js';
import { binaryCrossEntropy, categoricalCrossEntropy } from './probabilities.js';
import type { LossFactory } from './define.js';
import type { Loss } from './loss.js';
import { dice, diceSemimetric, jaccardMetric, tversky } from './region.js';
import { qualityFocal, sigmoidCrossEntropy } from './sigmoid.js';
import { softmaxCrossEntropy } from './softmax.js';

type AnyFactory = LossFactory<never, never> | LossFactory<object, never>;

/** The kinds of loss that softxent itself defines. */
export const builtInLosses = [
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  qualityFocal,
  diceSemimetric,
  jaccardMetric,
  dice,
  tversky,
] as const;

/** A loss as JSON text: `{"kind":"sigmoidCrossEntropy","options":{...}}`. */
export function serialiseLoss(loss: Loss): string {
  // JSON has no NaN, and ignoreValue may be one.
  return JSON.stringify({ kind: loss.kind, options: loss.options }, (_, value: unknown) =>
    typeof value === 'number' && Number.isNaN(value) ? 'NaN' : value,
  );
}

/**
 * A loss from the text that {@link serialiseLoss} gave.
 *
 * @param factories kinds beyond the built-in ones: what `defineLoss` returned
 * @throws {OptionError} for text that is no loss, an unknown kind, or options that the kind does not take
 */
export function parseLoss(text: string, factories: readonly unknown[] = []): Loss {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new OptionError({ subject: 'loss', found: String(error), expected: 'JSON of a loss' });
  }
  const { kind, options } = (parsed ?? {}) as { kind?: unknown; options?: Record<string, unknown> };
  const all = [...builtInLosses, ...factories] as unknown as readonly AnyFactory[];
  const factory = all.find((candidate) => candidate.definition.kind === kind);
  if (factory === undefined) {
    throw new OptionError({
      subject: 'loss',
      found: `kind ${String(kind)}`,
      expected: `one of ${all.map((candidate) => candidate.definition.kind).join(', ')}`,
    });
  }
  const revived = { ...options, ...(options?.['ignoreValue'] === 'NaN' ? { ignoreValue: NaN } : {}) };
  return (factory as unknown as (options: object) => Loss)(revived);
}
