import { openSync, sigmoidCrossEntropy, softmaxCrossEntropy, tensor } from '@softxent/core';
import { referenceLoss } from '@softxent/core/reference';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { sigmoidData, ulp, uniform } from './testing.js';
import { wasm } from './index.js';

// Node 20 has relaxed SIMD behind a flag, later versions without.
setFlagsFromString('--experimental-wasm-relaxed-simd');

describe.each([false, true])('float32 results, relaxed SIMD: %s', (relaxedSimd) => {
  const session = openSync(wasm({ relaxedSimd }));

  it('are within 4 ulp of sigmoid cross-entropy, gradients within 3 ulp of max(m, e s)', () => {
    const n = 200_000;
    const { logits, targets } = sigmoidData(n, 3);
    const operands = { logits: tensor(logits), targets: tensor(targets) };
    const result = session.valueAndGrad(sigmoidCrossEntropy({ reduction: 'none' }), operands);
    let [worst, worstGradient] = [0, 0];
    for (let i = 0; i < n; i++) {
      const [x, t] = [logits[i] as number, targets[i] as number];
      const e = Math.exp(-Math.abs(x));
      const q = e / (1 + e);
      const m = x >= 0 ? 1 - t : t;
      const loss = Math.abs(x) * m + Math.log1p(e);
      const gradient = x >= 0 ? m - q : q - m;
      // Below the smallest normal number results may be 0.
      const error = Math.abs((result.value.data[i] as number) - loss);
      if (error > 1.2e-38) worst = Math.max(worst, error / ulp(loss));
      const gradientError = Math.abs((result.gradients.logits.data[i] as number) - gradient);
      if (gradientError > 1.2e-38)
        worstGradient = Math.max(worstGradient, gradientError / ulp(Math.max(m, q)));
    }
    expect(worst).toBeLessThanOrEqual(4);
    expect(worstGradient).toBeLessThanOrEqual(3);
  });

  it('keep the gradients within 3 ulp of max(m, e s) where losses are only added up', () => {
    const { logits, targets } = sigmoidData(200_000, 4);
    const operands = { logits: tensor(logits), targets: tensor(targets) };
    const { gradients } = session.valueAndGrad(sigmoidCrossEntropy({ reduction: 'sum' }), operands);
    let worst = 0;
    for (const [i, x] of logits.entries()) {
      const t = targets[i] as number;
      const e = Math.exp(-Math.abs(x));
      const q = e / (1 + e);
      const m = x >= 0 ? 1 - t : t;
      const error = Math.abs((gradients.logits.data[i] as number) - (x >= 0 ? m - q : q - m));
      if (error > 1.2e-38) worst = Math.max(worst, error / ulp(Math.max(m, q)));
    }
    expect(worst).toBeLessThanOrEqual(3);
  });

  it.each([0.001, 1, 5, 10, 17, 40, 80])('sum losses that are all small: |x| near %d', (x) => {
    const n = 10_007;
    const next = uniform(9);
    const logits = Float32Array.from({ length: n }, () => (next() < 0.5 ? -1 : 1) * x * (1 + next() / 50));
    const targets = logits.map((logit) => (logit > 0 ? 1 : 0));
    const sum = logits.reduce((total, logit) => total + Math.log1p(Math.exp(-Math.abs(logit))), 0);
    const operands = { logits: tensor(logits), targets: tensor(targets) };
    const value = session.value(sigmoidCrossEntropy({ reduction: 'sum' }), operands);
    expect(Math.abs(value / sum - 1)).toBeLessThan(5e-7);
  });

  it('sum logits of 0, whose product is the smallest', () => {
    const n = 100_003;
    const zeros = tensor(new Float32Array(n));
    const value = session.value(sigmoidCrossEntropy(), { logits: zeros, targets: zeros });
    expect(Math.abs(value / Math.LN2 - 1)).toBeLessThan(2e-7);
  });

  it.each([
    ['along the last axis', [37, 150], 1],
    ['along an inner axis', [2, 150, 37], 1],
  ] as const)('are within 4 ulp of the largest term of softmax cross-entropy %s', (_, shape, axis) => {
    const next = uniform(7);
    const size = shape.reduce((product, length) => product * length, 1);
    const operands = {
      logits: tensor(
        Float32Array.from({ length: size }, () => (next() - 0.5) * 40),
        shape,
      ),
      targets: tensor(
        Float32Array.from({ length: size }, () => next() / 75),
        shape,
      ),
    };
    const loss = softmaxCrossEntropy({ axis, reduction: 'none' });
    const expected = referenceLoss(loss, operands);
    const result = session.valueAndGrad(loss, operands);
    let [worst, worstGradient] = [0, 0];
    for (const [i, row] of expected.rows.entries()) {
      // A row's value is a sum of 150 terms: its own size is what its error is measured by.
      worst = Math.max(worst, Math.abs((result.value.data[i] as number) - row) / ulp(row));
    }
    const gradients = expected.gradients['logits'] as Float64Array;
    const scales = expected.scales.gradients['logits'] as Float64Array;
    for (const [i, gradient] of gradients.entries()) {
      const error = Math.abs((result.gradients.logits.data[i] as number) - gradient);
      if (error > 1.2e-38) worstGradient = Math.max(worstGradient, error / ulp(scales[i] as number));
    }
    expect(worst).toBeLessThanOrEqual(4);
    expect(worstGradient).toBeLessThanOrEqual(4);
  });

  it('sums 4 million elements to 1e-7', () => {
    const n = 1 << 22;
    const next = uniform(5);
    const logits = session.allocate({ dtype: 'float32', shape: [n] });
    const targets = session.allocate({ dtype: 'uint8', shape: [n] });
    const [x, t] = [logits.view()!, targets.view()!];
    // Blocks in float64 add nothing that could be seen: what is left is the bias of the terms.
    let [sum, compensation] = [0, 0];
    for (let i = 0; i < n; i++) {
      const logit = Math.fround((next() - 0.5) * 40);
      const level = Math.floor(next() * 256);
      x[i] = logit;
      t[i] = level;
      const m = (logit >= 0 ? 255 - level : level) / 255;
      const term = Math.abs(logit) * m + Math.log1p(Math.exp(-Math.abs(logit)));
      const total = sum + term;
      compensation += sum - total + term;
      sum = total;
    }
    const value = session.value(sigmoidCrossEntropy({ reduction: 'sum' }), { logits, targets });
    expect(Math.abs(value / (sum + compensation) - 1)).toBeLessThan(1e-7);
    logits.free();
    targets.free();
  });
});
