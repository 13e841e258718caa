export * from './backend.js';
export * from './errors.js';
export { float16ToNumber, numberToFloat16 } from './float16.js';
export { defineLoss, numberOption, oneOf, type LossAuthoring, type LossFactory } from './losses/define.js';
export { infogainTargets } from './losses/infogain.js';
export {
  definitionOf,
  type CommonOptions,
  type Granularity,
  type Loss,
  type LossDefinition,
  type OperandSpecs,
  type Prediction,
  type ProgramContext,
  type Reduction,
  type Validate,
} from './losses/loss.js';
export { binaryCrossEntropy, categoricalCrossEntropy } from './losses/probabilities.js';
export type { BinaryCrossEntropyOptions, CategoricalCrossEntropyOptions } from './losses/probabilities.js';
export { dice, diceSemimetric, jaccardMetric, tversky } from './losses/region.js';
export type { RegionOptions, TverskyOptions } from './losses/region.js';
export { builtInLosses, parseLoss, serialiseLoss } from './losses/serialise.js';
export { qualityFocal, sigmoidCrossEntropy } from './losses/sigmoid.js';
export type { QualityFocalOptions, SigmoidCrossEntropyOptions } from './losses/sigmoid.js';
export { softmaxCrossEntropy, type SoftmaxCrossEntropyOptions } from './losses/softmax.js';
export { DeviceTensor } from './session/device-tensor.js';
export type { Operands } from './session/core.js';
export * from './session/session.js';
export type { AnyTensor } from './session/step.js';
export * from './tensor.js';
