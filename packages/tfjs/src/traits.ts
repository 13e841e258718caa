import type { Accuracy } from '@softxent/core';
import type { Dialect } from './render/dialect.js';

/** Backends of TensorFlow.js that plans can be rendered for. */
export type TfBackendName = 'cpu' | 'wasm';

/** What differs between the backends of TensorFlow.js. */
export interface BackendTraits {
  readonly backend: TfBackendName;
  readonly dialect: Dialect;
  readonly accuracy: Accuracy;
  readonly deterministic: boolean;
}

/** Traits by backend. */
export const TRAITS: Readonly<Record<TfBackendName, BackendTraits>> = {
  cpu: {
    backend: 'cpu',
    dialect: { exactLog1p: true, exactFunctions: true, wideSums: true },
    accuracy: { value: { float32: 6 }, gradient: { float32: 8 }, sum: 1e-6, subnormals: 'kept' },
    deterministic: true,
  },
  wasm: {
    backend: 'wasm',
    dialect: { exactLog1p: false, exactFunctions: true, wideSums: false },
    accuracy: { value: { float32: 6 }, gradient: { float32: 8 }, sum: 1e-6, subnormals: 'kept' },
    deterministic: true,
  },
};
