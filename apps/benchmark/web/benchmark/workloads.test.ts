import { expect, it } from 'vitest';
import type { Request } from './protocol.js';
import { workloadsOf } from './workloads.js';

const request: Request = {
  losses: ['sigmoidCrossEntropy', 'softmaxCrossEntropy'],
  sizes: [1000, 10_000],
  layouts: ['nchw'],
  classes: 5,
  contestants: ['wasm'],
  threads: 2,
  seed: 1,
  rounds: 5,
  secondsPerWorkload: 1,
  memoryBytes: 1e9,
};

it('asks for every loss in every size and in the chosen layouts that suit it', () => {
  const asked = workloadsOf(request).map(({ loss, layout, elements }) => [
    JSON.parse(loss).kind,
    layout,
    elements,
  ]);
  expect(asked).toEqual([
    ['sigmoidCrossEntropy', 'flat', 1000],
    ['sigmoidCrossEntropy', 'flat', 10_000],
    ['softmaxCrossEntropy', 'nchw', 1000],
    ['softmaxCrossEntropy', 'nchw', 10_000],
  ]);
});

it('asks for losses over single elements whatever the layouts', () => {
  expect(workloadsOf({ ...request, layouts: [] }).map(({ layout }) => layout)).toEqual(['flat', 'flat']);
});
