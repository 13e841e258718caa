// Run by backend.test.ts in a process of its own, with and without code generation from strings.
import { openSync, sigmoidCrossEntropy, SoftxentError, tensor } from '@softxent/core';
import { cpu, type CpuOptions } from './index.js';

function report(): unknown {
  try {
    const session = openSync(cpu({ evaluation: process.argv[2] as NonNullable<CpuOptions['evaluation']> }));
    const { gradients } = session.valueAndGrad(sigmoidCrossEntropy(), {
      logits: tensor(Float32Array.of(-3, 0, 20)),
      targets: tensor(Uint8Array.of(10, 128, 255)),
    });
    return { description: session.description, gradient: Array.from(gradients.logits.data) };
  } catch (error) {
    if (!(error instanceof SoftxentError)) throw error;
    return { code: error.code, message: error.message };
  }
}

console.log(JSON.stringify(report()));
