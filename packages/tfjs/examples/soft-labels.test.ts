import { expect, it } from 'vitest';
import { train } from './soft-labels.js';

it('trains a LayersModel on soft labels until the loss is the entropy of the labels', async () => {
  const { losses, floor } = await train('none', 60);
  expect(losses[0]).toBeCloseTo(Math.LN2, 6);
  expect(floor).toBeGreaterThan(0.3);
  expect(losses.at(-1)).toBeGreaterThanOrEqual(floor - 1e-7);
  expect(losses.at(-1)).toBeLessThan(floor + 1e-6);
});

it("shows with floor 'entropy' what is left to learn, down to 0", async () => {
  const { losses, floor } = await train('entropy', 60);
  expect(losses[0]).toBeCloseTo(Math.LN2 - floor, 6);
  expect(losses.at(-1)).toBeGreaterThanOrEqual(0);
  expect(losses.at(-1)).toBeLessThan(1e-6);
});
