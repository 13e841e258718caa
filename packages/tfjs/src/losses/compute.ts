import {
  definitionOf,
  OperandError,
  OptionError,
  type Loss,
  type Prediction,
  type SyncSession,
  type Tensor,
} from '@softxent/core';
import type { TensorFlow, TfTensor } from '../tf.js';
import { maskFrom, predictionFrom, targetsFrom, weightsFrom } from './convert.js';

/** What a loss reads, as tensors of TensorFlow.js. */
export interface TfOperands {
  readonly logits?: TfTensor;
  readonly probabilities?: TfTensor;
  readonly targets: TfTensor;
  readonly weights?: TfTensor | undefined;
  readonly mask?: TfTensor | undefined;
}

/** Operands that gradients can flow into. */
export type TfGradient = Prediction | 'targets';

/** The loss of operands, as an operation with gradients for the operands named in `gradients`. */
export function compute(
  tf: TensorFlow,
  session: SyncSession,
  loss: Loss,
  operands: TfOperands,
  gradients: readonly TfGradient[],
): TfTensor {
  checkLoss(loss);
  const name = loss[definitionOf].prediction(loss.options);
  const prediction = operands[name];
  if (prediction === undefined) {
    throw new OperandError({ subject: name, found: 'no such operand', expected: `${name} for ${loss.kind}` });
  }
  for (const gradient of gradients) {
    if (gradient !== name && gradient !== 'targets') {
      throw new OperandError({
        subject: `gradient by ${String(gradient)}`,
        found: 'an operand without gradients',
        expected: `${name} or targets`,
      });
    }
  }
  const host = hostOperands(loss, name, prediction, operands);
  if (gradients.length === 0 || tf.engine().state.gradientDepth === 0) {
    return toTensor(tf, session.value(loss, host));
  }
  const inputs = gradients.map((gradient) => (gradient === name ? prediction : operands.targets));
  const operation = tf.customGrad((...given) => {
    const save = given.at(-1) as unknown as (tensors: TfTensor[]) => void;
    const result = session.valueAndGrad(loss, host, { gradients });
    save(gradients.map((gradient) => toTensor(tf, result.gradients[gradient])));
    return {
      value: toTensor(tf, result.value),
      gradFunc: (dy: TfTensor, saved: TfTensor[]) => {
        const factor = loss.options.reduction === 'none' ? alongRows(tf, loss, prediction, dy) : dy;
        return saved.map((gradient) => tf.mul(gradient, factor));
      },
    };
  });
  return operation(...inputs);
}

function checkLoss(loss: Loss): void {
  if (loss.options.validate !== 'count') return;
  throw new OptionError({
    subject: `${loss.kind} option validate`,
    found: "'count'",
    expected: "'off' or 'throw': a tensor has no place for a count",
  });
}

function hostOperands(
  loss: Loss,
  name: Prediction,
  prediction: TfTensor,
  operands: TfOperands,
): Record<string, Tensor> {
  const { targets, weights, mask } = operands;
  return {
    [name]: predictionFrom(name, prediction),
    targets: targetsFrom(loss, targets, prediction),
    ...(weights === undefined ? {} : { weights: weightsFrom(weights) }),
    ...(mask === undefined ? {} : { mask: maskFrom(mask) }),
  };
}

function toTensor(tf: TensorFlow, value: number | Tensor): TfTensor {
  return typeof value === 'number'
    ? tf.scalar(value, 'float32')
    : tf.tensor(value.data, [...value.shape], 'float32');
}

/** A number a row, shaped so that it broadcasts to the prediction. */
function alongRows(tf: TensorFlow, loss: Loss, prediction: TfTensor, rows: TfTensor): TfTensor {
  const axes = loss[definitionOf].axes(loss.options, prediction.rank);
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + prediction.rank : axis)));
  return tf.reshape(
    rows,
    prediction.shape.map((size, i) => (reduced.has(i) ? 1 : size)),
  );
}
