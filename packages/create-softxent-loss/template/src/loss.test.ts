import { cpu } from '@softxent/backend-cpu';
import { wasm } from '@softxent/backend-wasm';
import { lossConformanceTests } from '@softxent/conformance';
import { openSync, tensor } from '@softxent/core';
import { afterAll, describe, expect, it } from 'vitest';
import { held } from './held.js';
import { loss } from './loss.js';

// Double precision, and single precision. `quick` tries fewer dtypes; leave it out for everything.
lossConformanceTests(held, cpu(), { describe, it, afterAll }, { quick: true });
lossConformanceTests(held, wasm(), { describe, it, afterAll }, { quick: true });

it('is 0 where the prediction is the soft label', () => {
  using session = openSync(cpu());
  const operands = { logits: tensor(Float32Array.of(0, 0)), targets: tensor(Float32Array.of(0.5, 1)) };
  const { value, gradients } = session.valueAndGrad(loss({ reduction: 'sum' }), operands);
  expect(value).toBeCloseTo(0.25, 6);
  expect(gradients.logits.data[0]).toBeCloseTo(0, 6);
  expect(gradients.logits.data[1]).toBeCloseTo(-0.25, 6);
});
