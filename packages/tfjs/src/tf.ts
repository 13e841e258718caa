import type * as tfc from '@tensorflow/tfjs-core';

/**
 * What this package uses of TensorFlow.js: both `@tensorflow/tfjs` and `@tensorflow/tfjs-core` fit. It is given as a value, so that
 * there is one TensorFlow.js in a program, the caller's.
 */
export type TensorFlow = Pick<
  typeof tfc,
  | 'abs'
  | 'add'
  | 'broadcastTo'
  | 'cast'
  | 'customGrad'
  | 'div'
  | 'engine'
  | 'env'
  | 'equal'
  | 'exp'
  | 'findBackend'
  | 'findBackendFactory'
  | 'floor'
  | 'gather'
  | 'getBackend'
  | 'isNaN'
  | 'keep'
  | 'less'
  | 'lessEqual'
  | 'log'
  | 'log1p'
  | 'logicalAnd'
  | 'logicalNot'
  | 'logicalOr'
  | 'max'
  | 'mean'
  | 'mul'
  | 'neg'
  | 'pow'
  | 'range'
  | 'reshape'
  | 'scalar'
  | 'setBackend'
  | 'slice'
  | 'sqrt'
  | 'sub'
  | 'sum'
  | 'tensor'
  | 'tidy'
  | 'where'
  | 'zeros'
>;

/** A tensor of TensorFlow.js, of any rank. */
export type TfTensor = tfc.Tensor;
