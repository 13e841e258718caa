/**
 * The cross-entropy losses, per element or row, without masks, normalisation and weights: the programs of @softxent/core,
 * rendered into the net's graph by the renderer that @softxent/backend-onnx runs them with.
 */

import { embedLoss } from '@softxent/backend-onnx';
import type { Loss } from '@softxent/core';
import { sigmoidCrossEntropy, softmaxCrossEntropy } from '@softxent/core';
import type { LayerGraph, Value } from '../graph.js';

/** Loss per element (or row), and the gradient per logit. */
export interface RowLoss {
  readonly loss: Value;
  readonly gradient: Value;
}

const sigmoid = sigmoidCrossEntropy({ reduction: 'none' });
const softmax = softmaxCrossEntropy({ reduction: 'none', axis: 1 });

function embedded(g: LayerGraph, loss: Loss, logits: Value, targets: Value): RowLoss {
  const { value, gradients } = embedLoss(
    g.builder,
    loss,
    { logits, targets },
    { gradients: ['logits'], provider: g.provider ?? 'cpu' },
  );
  return { loss: value, gradient: gradients.get('logits')! };
}

/** Sigmoid cross-entropy of each logit x with its target, of the same shape. */
export function sigmoidRows(g: LayerGraph, x: Value, t: Value): RowLoss {
  return embedded(g, sigmoid, x, t);
}

/**
 * Softmax cross-entropy of each row of x [outer, classes, inner] with class labels [outer, 1, inner], cut to whole numbers,
 * or (`soft`) with a distribution for every row, of x's shape. A label that is no class makes its row NaN.
 */
export function softmaxRows(g: LayerGraph, x: Value, t: Value, soft: boolean): RowLoss {
  const [outer, , inner] = g.dims(x) as [number, number, number];
  const { loss, gradient } = embedded(g, softmax, x, soft ? t : g.cast(t, 'int32'));
  return { loss: g.reshape(loss, [outer, 1, inner]), gradient };
}
