import type { LayerType } from '../layer.js';
import { accuracy, contrastiveLoss, euclideanLoss, hingeLoss } from './other.js';
import { sigmoidCrossEntropyLoss } from './sigmoid.js';
import { infogainLoss, multinomialLogisticLoss, softmaxWithLoss } from './softmax.js';

export const lossLayers: readonly LayerType[] = [
  sigmoidCrossEntropyLoss,
  softmaxWithLoss,
  infogainLoss,
  multinomialLogisticLoss,
  euclideanLoss,
  contrastiveLoss,
  hingeLoss,
  accuracy,
];
