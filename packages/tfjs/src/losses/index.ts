export type { TfGradient, TfOperands } from './compute.js';
export { tfLosses, type TfLoss, type TfLosses, type TfLossOptions } from './losses.js';
