import {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  definitionOf,
  dice,
  diceSemimetric,
  jaccardMetric,
  OptionError,
  qualityFocal,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  SyncSession,
  tversky,
  type BinaryCrossEntropyOptions,
  type CategoricalCrossEntropyOptions,
  type CommonOptions,
  type Loss,
  type QualityFocalOptions,
  type RegionOptions,
  type SigmoidCrossEntropyOptions,
  type SoftmaxCrossEntropyOptions,
  type TverskyOptions,
} from '@softxent/core';
import type { TensorFlow, TfTensor } from '../tf.js';
import { compute, type TfGradient, type TfOperands } from './compute.js';

/** What every loss operation takes beside the loss's own options. */
export interface TfLossOptions {
  /** Broadcasts to the element (or row) shape. float32, or int32 and bool as numbers. No gradient flows into it. */
  readonly weights?: TfTensor | undefined;
  /** bool or int32; broadcasts likewise. Where it is 0, loss and gradient are exactly 0 and the element does not count. */
  readonly mask?: TfTensor | undefined;
  /** Operands that gradients flow into. Default: the prediction alone; targets are constants then. */
  readonly gradients?: readonly TfGradient[];
}

/**
 * A loss as an operation of TensorFlow.js: a scalar, or a tensor of one value a row for reduction `none`.
 *
 * `prediction` is float32. `targets` are float32, bool (0 and 1) or int32: class labels, for losses along a class axis and where the shape
 * is not the prediction's, else numbers.
 */
export type TfLoss<O> = (
  prediction: TfTensor,
  targets: TfTensor,
  options?: Partial<O> & CommonOptions & TfLossOptions,
) => TfTensor;

/** Losses as operations; see {@link tfLosses}. */
export interface TfLosses {
  readonly sigmoidCrossEntropy: TfLoss<SigmoidCrossEntropyOptions>;
  /** `axis` is the last one by default, as everywhere in TensorFlow.js. */
  readonly softmaxCrossEntropy: TfLoss<SoftmaxCrossEntropyOptions>;
  readonly qualityFocal: TfLoss<QualityFocalOptions>;
  readonly binaryCrossEntropy: TfLoss<BinaryCrossEntropyOptions>;
  /** `axis` is the last one by default. */
  readonly categoricalCrossEntropy: TfLoss<CategoricalCrossEntropyOptions>;
  /** `axes` are by default all between the first (images) and the last (channels); the last where there are but two. */
  readonly dice: TfLoss<RegionOptions>;
  /** `axes` as for {@link TfLosses.dice}. */
  readonly diceSemimetric: TfLoss<RegionOptions>;
  /** `axes` as for {@link TfLosses.dice}. */
  readonly jaccardMetric: TfLoss<RegionOptions>;
  /** `axes` as for {@link TfLosses.dice}. */
  readonly tversky: TfLoss<TverskyOptions>;
  /** Any loss of softxent, `defineLoss`'s too; its options, axes included, are its own. */
  compute(
    loss: Loss,
    operands: TfOperands,
    options?: { readonly gradients?: readonly TfGradient[] },
  ): TfTensor;
  /**
   * A loss for `tf.LayersModel.compile({ loss })`: (yTrue, yPred) => a scalar. With reduction `none` it gives one value a sample, the mean
   * over the sample's rows: what class and sample weights of `fit` are multiplied with.
   *
   * TensorFlow.js refuses, for a loss of one's own, yTrue of another shape than the model's output: class labels have to be one-hot.
   */
  forLayers(loss: Loss): (yTrue: TfTensor, yPred: TfTensor) => TfTensor;
}

/**
 * softxent's losses as operations of TensorFlow.js, with gradients (`tf.customGrad`), computed by any synchronous session: value and
 * gradients in one pass. Operands are read with `dataSync`; on the cpu backend that copies nothing.
 *
 * Gradients are first derivatives: they have none themselves. Errors are those of the session.
 *
 * ```ts
 * const losses = tfLosses(tf, openSync(cpu()));
 * model.compile({ optimizer: 'sgd', loss: losses.forLayers(sigmoidCrossEntropy({ floor: 'entropy' })) });
 * ```
 *
 * @throws {OptionError} for a session with promises: a gradient function of TensorFlow.js cannot wait
 */
export function tfLosses(tf: TensorFlow, session: SyncSession): TfLosses {
  if (!(session instanceof SyncSession)) {
    throw new OptionError({
      subject: 'tfLosses session',
      found: 'no synchronous session',
      expected: 'what openSync() gives: a gradient function of TensorFlow.js cannot wait',
    });
  }
  const run = (loss: Loss, operands: TfOperands, gradients?: readonly TfGradient[]): TfTensor =>
    compute(tf, session, loss, operands, gradients ?? [loss[definitionOf].prediction(loss.options)]);

  const operation =
    <O>(
      make: (options: Partial<O> & CommonOptions) => Loss,
      defaults: (rank: number) => object = () => ({}),
    ): TfLoss<O> =>
    (prediction, targets, options) => {
      const { weights, mask, gradients, ...own } = { ...options } as TfLossOptions;
      const loss = make({ ...defaults(prediction.rank), ...own });
      const name = loss[definitionOf].prediction(loss.options);
      return run(loss, { [name]: prediction, targets, weights, mask }, gradients);
    };
  const lastAxis = (): object => ({ axis: -1 });

  return {
    sigmoidCrossEntropy: operation<SigmoidCrossEntropyOptions>(sigmoidCrossEntropy),
    softmaxCrossEntropy: operation<SoftmaxCrossEntropyOptions>(softmaxCrossEntropy, lastAxis),
    qualityFocal: operation<QualityFocalOptions>(qualityFocal),
    binaryCrossEntropy: operation<BinaryCrossEntropyOptions>(binaryCrossEntropy),
    categoricalCrossEntropy: operation<CategoricalCrossEntropyOptions>(categoricalCrossEntropy, lastAxis),
    dice: operation<RegionOptions>(dice, spatialAxes),
    diceSemimetric: operation<RegionOptions>(diceSemimetric, spatialAxes),
    jaccardMetric: operation<RegionOptions>(jaccardMetric, spatialAxes),
    tversky: operation<TverskyOptions>(tversky, spatialAxes),
    compute: (loss, operands, { gradients } = {}) => run(loss, operands, gradients),
    forLayers: (loss) => (yTrue, yPred) => {
      const name = loss[definitionOf].prediction(loss.options);
      const value = run(loss, { [name]: yPred, targets: yTrue });
      return value.rank < 2 ? value : tf.mean(tf.reshape(value, [value.shape[0] ?? 1, -1]), 1);
    },
  };
}

/** Channels last: between the first axis and the last. */
function spatialAxes(rank: number): object {
  return { axes: rank < 3 ? [rank - 1] : Array.from({ length: rank - 2 }, (_, i) => i + 1) };
}
