import { DTypeError, type Loss, type Tensor } from '@softxent/core';
import { definitionOf } from '@softxent/core';
import type { TfTensor } from '../tf.js';

/** The numbers of a TensorFlow.js tensor as the dtype that an operand wants; read without a copy where they have it. */
function refuse(subject: string, tensor: TfTensor, expected: string): never {
  throw new DTypeError({ subject, found: `dtype ${tensor.dtype}`, expected });
}

const float32 = (tensor: TfTensor): Tensor<'float32'> => {
  const data = tensor.dataSync();
  return {
    dtype: 'float32',
    shape: tensor.shape,
    data: data instanceof Float32Array ? data : Float32Array.from(data),
  };
};

/** A prediction: float32. */
export function predictionFrom(name: string, tensor: TfTensor): Tensor {
  return tensor.dtype === 'float32' ? float32(tensor) : refuse(name, tensor, 'float32');
}

function isShapeOf(a: TfTensor, b: TfTensor): boolean {
  return a.rank === b.rank && a.shape.every((size, i) => size === b.shape[i]);
}

/**
 * Targets: float32 as they are; bool as 0 and 1; int32 as class labels where the loss takes them and the shape is not the prediction's,
 * else as numbers (`tf.oneHot` gives int32).
 */
export function targetsFrom(loss: Loss, tensor: TfTensor, prediction: TfTensor): Tensor {
  if (tensor.dtype === 'float32' || tensor.dtype === 'bool') return float32(tensor);
  if (tensor.dtype !== 'int32') return refuse('targets', tensor, 'float32, int32 or bool');
  const takesLabels = loss[definitionOf].targets.includes('int32');
  if (!takesLabels || isShapeOf(tensor, prediction)) return float32(tensor);
  return { dtype: 'int32', shape: tensor.shape, data: tensor.dataSync() as Int32Array };
}

/** Weights: float32; int32 and bool as numbers. */
export function weightsFrom(tensor: TfTensor): Tensor {
  return tensor.dtype === 'float32' || tensor.dtype === 'int32' || tensor.dtype === 'bool'
    ? float32(tensor)
    : refuse('weights', tensor, 'float32, int32 or bool');
}

/** A mask: bool, or int32, where 0 is masked and anything else counts. */
export function maskFrom(tensor: TfTensor): Tensor<'uint8'> {
  if (tensor.dtype !== 'bool' && tensor.dtype !== 'int32') return refuse('mask', tensor, 'bool or int32');
  const data = Uint8Array.from(tensor.dataSync(), (value) => (value === 0 ? 0 : 1));
  return { dtype: 'uint8', shape: tensor.shape, data };
}
