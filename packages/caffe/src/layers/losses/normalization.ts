import type { LayerParameter, LossParameter } from '../../schema/messages.js';
import { has } from '../../schema/message.js';
import type { LayerGraph, Operand, Value } from '../graph.js';

type Mode = LossParameter['normalization'];

/** What a loss_param asks for: normalization wins over normalize; `absent` is the layer's own default. */
export function normalizationOf({ loss_param: param }: LayerParameter, absent: Mode): Mode {
  if (has(param, 'normalization')) return param.normalization;
  if (has(param, 'normalize')) return param.normalize ? 'VALID' : 'BATCH_SIZE';
  return absent;
}

/**
 * What the sum of the loss is divided by: all `outer * inner` rows, those that `valid` marks with 1, the `outer` ones,
 * or nothing; never less than 1.
 */
export function divisor(
  g: LayerGraph,
  mode: Mode,
  outer: number,
  inner: number,
  valid: Value | null,
): Operand {
  switch (mode) {
    case 'FULL':
      return Math.max(1, outer * inner);
    case 'VALID':
      return valid ? g.max(g.total(g.indicator(valid)), 1) : Math.max(1, outer * inner);
    case 'BATCH_SIZE':
      return Math.max(1, outer);
    case 'NONE':
      return 1;
  }
}

/** Truth where a row counts: its label, cut to a whole number, is not ignore_label. `null` where all count. */
export function validLabels(g: LayerGraph, labels: Value, ignore: number | null): Value | null {
  return ignore === null ? null : g.not(g.equal(labels, ignore));
}

/** The ignore_label of a loss, or `null`. */
export const ignoreLabel = ({ loss_param: param }: LayerParameter): number | null =>
  has(param, 'ignore_label') ? param.ignore_label : null;

/** x where `valid`, else 0: whatever x holds there, NaN included. */
export const kept = (g: LayerGraph, valid: Value | null, x: Value): Value =>
  valid ? g.where(valid, x, 0) : x;
