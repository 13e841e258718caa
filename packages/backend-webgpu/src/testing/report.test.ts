import { expect, it } from 'vitest';
import { report } from './report.js';

it('the report names the adapter, worst errors, speed beside a copy, and what became of the suite', async () => {
  const lines: string[] = [];
  const { ok, json } = await report({
    elements: 4096,
    seconds: 0,
    quick: true,
    filter: /^sigmoidCrossEntropy: float32 extremes/,
    print: (line) => lines.push(line),
    progress: () => undefined,
  });
  const text = lines.join('\n');
  expect(ok).toBe(true);
  expect(JSON.parse(json)).toMatchObject({ backend: 'webgpu', held: 1, broken: 0 });
  expect(text).toMatch(/^exp over its whole range +0\.\d+ \(0\.7\)$/m);
  expect(text).toMatch(/^sigmoid, float16 .* GB\/s .* % of copy/m);
  expect(text).toMatch(/^softmax 1000 NCHW .* GB\/s/m);
  expect(text).toMatch(/^sigmoidCrossEntropy +value +\d\.\d\d \(\d+\), gradient +\d\.\d\d/m);
});
