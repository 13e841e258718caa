import { OptionError, type Backend, type SyncBackend } from '@softxent/core';
import { SyncTfDevice, TfDevice, type TfBuffer } from './device.js';
import { initialise, initialiseSync } from './engine.js';
import type { TensorFlow } from './tf.js';
import { TRAITS, type TfBackendName } from './traits.js';

/** Where TensorFlow.js computes. */
export interface TfjsOptions {
  /** Its name in TensorFlow.js; the package that registers it has to be imported. */
  readonly backend: TfBackendName;
}

/**
 * softxent on TensorFlow.js: every loss as a graph of TensorFlow.js operations in float32, in the forms that keep their digits on each
 * of its backends, with values of rows added up in float64 on the host. TensorFlow.js's current backend is left as it is; the one asked
 * for is switched to for the time of a call.
 *
 * `open` initialises the backend; `openSync` wants the wasm backend to have been initialised before, and there is none for webgpu.
 * WebGL that renders half precision only (some phones) is refused.
 *
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core';
 * import '@tensorflow/tfjs-backend-wasm';
 * await using session = await open(tfjs(tf, { backend: 'wasm' }));
 * ```
 *
 * @throws {OptionError} for a backend that this package does not know
 */
export function tfjs(tf: TensorFlow, options: { readonly backend: 'webgpu' }): Backend<TfBuffer>;
export function tfjs(
  tf: TensorFlow,
  options: { readonly backend: Exclude<TfBackendName, 'webgpu'> },
): SyncBackend<TfBuffer>;
export function tfjs(tf: TensorFlow, options: TfjsOptions): Backend<TfBuffer>;
export function tfjs(tf: TensorFlow, { backend }: TfjsOptions): Backend<TfBuffer> {
  const traits = TRAITS[backend];
  if (traits === undefined) {
    throw new OptionError({
      subject: 'tfjs option backend',
      found: String(backend),
      expected: `one of ${Object.keys(TRAITS).join(', ')}`,
    });
  }
  const asynchronous: Backend<TfBuffer> = {
    name: `tfjs-${backend}`,
    async open() {
      await initialise(tf, backend);
      return new TfDevice(tf, traits);
    },
  };
  if (!traits.isSync) return asynchronous;
  const synchronous: SyncBackend<TfBuffer> = {
    ...asynchronous,
    openSync() {
      initialiseSync(tf, backend);
      return new SyncTfDevice(tf, traits);
    },
  };
  return synchronous;
}
