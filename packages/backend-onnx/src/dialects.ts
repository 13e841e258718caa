import type { Accuracy, DType } from '@softxent/core';
import type { Dialect } from './render/expressions.js';
import type { Provider } from './runtime/index.js';

/** What differs between ONNX Runtime's providers. */
export interface ProviderTraits {
  readonly dialect: Dialect;
  readonly floats: readonly DType[];
  readonly accuracy: Accuracy;
  /**
   * Whether one thread gives the same bits every time. Several do not: ONNX Runtime's vectorised logarithm differs by an ulp from its scalar one,
   * which is used where the piece of a thread ends.
   */
  readonly deterministic: boolean;
}

const wide: Dialect = { exactFunctions: true, allLogic: true, float64: true, slowLastOnes: false };
const onCpu: Dialect = { ...wide, slowLastOnes: true };

const accuracy: Accuracy = {
  value: { float32: 8, float64: 8 },
  gradient: { float32: 8, float64: 8 },
  sum: 1e-7,
  subnormals: 'flushed',
};

/** Traits by provider. */
export const TRAITS: Readonly<Record<Provider, ProviderTraits>> = {
  cpu: { dialect: onCpu, floats: ['float64', 'float32', 'float16'], accuracy, deterministic: true },
  wasm: { dialect: onCpu, floats: ['float64', 'float32', 'float16'], accuracy, deterministic: true },
  cuda: { dialect: wide, floats: ['float64', 'float32', 'float16'], accuracy, deterministic: false },
  webgpu: {
    dialect: { exactFunctions: false, allLogic: false, float64: false, slowLastOnes: false },
    floats: ['float32'],
    accuracy: { ...accuracy, value: { float32: 8 }, gradient: { float32: 8 } },
    deterministic: false,
  },
};
