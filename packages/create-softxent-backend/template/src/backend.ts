/** The device: what it can do, how exactly, and its buffers, which are typed arrays here. */
import { allocate, sizeOf, type DataOf, type SyncBackend, type SyncDevice } from '@softxent/core';
import { runPlan } from './kernel.js';

/**
 * The backend. Options of yours go into an options object.
 *
 * `open` throws BackendUnavailableError with the reason where the device cannot be opened.
 */
export function backend(): SyncBackend<DataOf> {
  const openSync = (): SyncDevice<DataOf> => ({
    description: 'softxent-backend-template (one expression at a time)',
    // A plan with other dtypes is refused with a CapabilityError before it is compiled.
    capabilities: {
      predictions: ['float64', 'float32', 'float16'],
      targets: ['float64', 'float32', 'float16', 'uint8', 'int32'],
      weights: ['float64', 'float32', 'float16'],
      deterministic: true,
      memory: 'device',
    },
    // What the conformance suite holds the device to, in ulp.
    accuracy: {
      value: { float32: 1, float64: 8 },
      gradient: { float32: 1, float64: 8 },
      sum: 1e-12,
      subnormals: 'kept',
    },
    compile: (plan) => ({ run: (bindings) => runPlan(plan, bindings), dispose: () => undefined }),
    allocate: (spec) => allocate(spec.dtype, sizeOf(spec.shape)),
    write: (buffer, data) => buffer.set(data),
    read: (buffer, into) => into.set(buffer),
    free: () => undefined,
    dispose: () => undefined,
  });
  return { name: 'softxent-backend-template', openSync, open: openSync };
}
