import {
  allocate,
  BackendUnavailableError,
  OptionError,
  sizeOf,
  type Accuracy,
  type Capabilities,
  type DataOf,
  type SyncBackend,
  type SyncDevice,
} from '@softxent/core';
import { interpret } from './closures/interpret.js';
import { kernelOf } from './kernel.js';
import { canGenerate, generate } from './render/generate.js';

/** Options of {@link cpu}. */
export interface CpuOptions {
  /**
   * How plans are run. `generated`: JavaScript made for each plan, which a Content-Security-Policy without
   * `unsafe-eval` forbids. `closures`: without code from strings, some ten times slower. `auto` (default): generated
   * where it is allowed, else closures; `session.description` says which.
   */
  readonly evaluation?: 'auto' | 'generated' | 'closures';
}

const capabilities: Capabilities = {
  predictions: ['float64', 'float32'],
  targets: ['float64', 'float32', 'uint8', 'int32'],
  weights: ['float64', 'float32'],
  deterministic: true,
  memory: 'host',
  threads: 1,
};

// Computed in double precision: a float32 result is off by its own rounding and a tenth of an ulp from the tables.
const accuracy: Accuracy = {
  value: { float32: 1, float64: 8 },
  gradient: { float32: 1, float64: 8 },
  sum: 1e-12,
  subnormals: 'kept',
};

/**
 * The backend of plain TypeScript: one fused loop over typed arrays for value and gradients, on one thread, in any
 * JavaScript engine. Tensors are used where they lie, without copies.
 *
 * Predictions float32 and float64; targets float32, float64, uint8 and int32; weights float32 and float64.
 *
 * @throws {OptionError} for an unknown way of evaluation
 */
export function cpu(options: CpuOptions = {}): SyncBackend<DataOf> {
  const { evaluation = 'auto' } = options;
  if (!['auto', 'generated', 'closures'].includes(evaluation)) {
    throw new OptionError({
      subject: 'cpu option evaluation',
      found: `'${String(evaluation)}'`,
      expected: 'auto, generated or closures',
    });
  }
  const openSync = (): SyncDevice<DataOf> => {
    const isAllowed = evaluation !== 'closures' && canGenerate();
    if (evaluation === 'generated' && !isAllowed) {
      throw new BackendUnavailableError(
        'cpu',
        "code generation from strings is forbidden here (a Content-Security-Policy without 'unsafe-eval'?); use evaluation: 'closures'",
      );
    }
    return deviceOf(isAllowed ? 'generated' : 'closures');
  };
  return { name: 'cpu', openSync, open: openSync };
}

function deviceOf(evaluation: 'generated' | 'closures'): SyncDevice<DataOf> {
  const compileRows = evaluation === 'generated' ? generate : interpret;
  return {
    description: evaluation === 'generated' ? 'cpu (generated code)' : 'cpu (closures)',
    capabilities,
    accuracy,
    compile: (plan) => kernelOf(plan, compileRows(plan)),
    allocate: (spec) => allocate(spec.dtype, sizeOf(spec.shape)),
    write: (buffer, data) => buffer.set(data),
    read: (buffer, into) => into.set(buffer),
    free: () => undefined,
    borrow: (tensor) => tensor.data,
    view: (buffer) => buffer,
    dispose: () => undefined,
  };
}
