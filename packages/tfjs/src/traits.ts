import type { Accuracy } from '@softxent/core';
import type { Dialect } from './render/dialect.js';

/** Backends of TensorFlow.js that plans can be rendered for. */
export type TfBackendName = 'cpu' | 'wasm' | 'webgl' | 'webgpu' | 'tensorflow';

/** What differs between the backends of TensorFlow.js. */
export interface BackendTraits {
  readonly backend: TfBackendName;
  readonly dialect: Dialect;
  readonly accuracy: Accuracy;
  readonly deterministic: boolean;
  /** Whether results can be fetched without promises. */
  readonly isSync: boolean;
}

const cpu: BackendTraits = {
  backend: 'cpu',
  dialect: {
    exactFunctions: true,
    exactLog1p: true,
    exactDivision: true,
    exactMax: true,
    wideSums: true,
  },
  accuracy: { value: { float32: 6 }, gradient: { float32: 8 }, sum: 1e-6, subnormals: 'kept' },
  deterministic: true,
  isSync: true,
};

const wasm: BackendTraits = {
  ...cpu,
  backend: 'wasm',
  dialect: { ...cpu.dialect, exactLog1p: false, wideSums: false },
};

const webgpu: BackendTraits = {
  backend: 'webgpu',
  dialect: { ...wasm.dialect, exactFunctions: false },
  accuracy: { value: { float32: 8 }, gradient: { float32: 12 }, sum: 2e-6, subnormals: 'flushed' },
  // Nothing in TensorFlow.js promises it.
  deterministic: false,
  isSync: false,
};

const webgl: BackendTraits = {
  ...webgpu,
  backend: 'webgl',
  dialect: { ...webgpu.dialect, exactDivision: false, exactMax: false },
  isSync: true,
};

/**
 * TensorFlow itself, by @tensorflow/tfjs-node. Its binary comes from outside npm and was not at hand, so nothing is taken on trust
 * but basic arithmetic: the forms are those for GPUs, and the bounds too.
 */
const tensorflow: BackendTraits = { ...webgl, backend: 'tensorflow' };

/** Traits by backend. */
export const TRAITS: Readonly<Record<TfBackendName, BackendTraits>> = {
  cpu,
  wasm,
  webgl,
  webgpu,
  tensorflow,
};
