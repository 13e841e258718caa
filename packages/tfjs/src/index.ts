export { tfjs, type TfjsOptions } from './backend.js';
export type { TfBuffer } from './device.js';
export type { TensorFlow, TfTensor } from './tf.js';
export type { TfBackendName } from './traits.js';
export * from './losses/index.js';
