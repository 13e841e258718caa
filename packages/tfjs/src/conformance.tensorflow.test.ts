// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import { conformanceTests } from '@softxent/conformance';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, it } from 'vitest';
import { tfjs } from './index.js';

// Not TensorFlow, which is not at hand: the cpu backend's kernels under its name, so that the forms it is given are tried.
tf.registerBackend('tensorflow', () => new MathBackendCPU());
for (const kernel of tf.getKernelsForBackend('cpu')) {
  tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
}

describe("the forms for tfjs-node, on the cpu backend's kernels", () => {
  conformanceTests(tfjs(tf, { backend: 'tensorflow' }), { describe, it, afterAll }, { quick: true });
});
