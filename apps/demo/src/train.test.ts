import { cpu } from '@softxent/backend-cpu';
import { openSync } from '@softxent/core';
import { afterAll, describe, expect, it } from 'vitest';
import { Experiment, type Evaluation, type ExperimentOptions } from './train.js';

const session = openSync(cpu());
afterAll(() => session.dispose());

const tiny = {
  session,
  seed: 1,
  steps: 40,
  size: 24,
  batch: 2,
  training: 12,
  heldOut: 6,
  annotators: 5,
  channels: 4,
  learningRate: 0.02,
} satisfies ExperimentOptions;

function evaluationsOf(experiment: Experiment): Evaluation[] {
  return [...experiment.train()].flatMap(({ evaluation }) => evaluation ?? []);
}

describe('Experiment', () => {
  it('brings the held-out gap under that of the constant predictor, from over it', () => {
    const experiment = new Experiment(tiny);
    const constant = experiment.evaluateConstant();
    const before = experiment.evaluate(0);
    const after = evaluationsOf(experiment).at(-1)!;
    expect(before.heldOut.gap).toBeGreaterThan(constant.gap);
    expect(after.heldOut.gap).toBeLessThan(0.6 * constant.gap);
    expect(after.training.gap).toBeLessThan(0.6 * constant.gap);
  });

  it('measures a loss that is floor + gap, on a floor that no training moves', () => {
    const experiment = new Experiment(tiny);
    const before = experiment.evaluate(0);
    const evaluations = [before, ...evaluationsOf(experiment)];
    for (const { training, heldOut } of evaluations) {
      for (const { loss, floor, gap } of [training, heldOut]) {
        // Logits, and the probabilities of the floor, are float32.
        expect(Math.abs(loss - (floor + gap))).toBeLessThan(1e-6);
        expect(floor).toBeGreaterThan(0);
        expect(gap).toBeGreaterThan(0);
      }
      expect(heldOut.floor).toBe(before.heldOut.floor);
    }
  });

  it('repeats itself to the bit for the same seed, and not for another', () => {
    const few = { ...tiny, steps: 5 };
    const run = (seed: number): unknown => {
      const experiment = new Experiment({ ...few, seed });
      return { evaluations: evaluationsOf(experiment), picture: experiment.predictHeldOut(3) };
    };
    expect(run(3)).toEqual(run(3));
    expect(run(3)).not.toEqual(run(4));
  });

  it('evaluates ten times in a training, the last time after the last step', () => {
    const steps = evaluationsOf(new Experiment({ ...tiny, steps: 30 })).map(({ step }) => step);
    expect(steps).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
    expect(evaluationsOf(new Experiment({ ...tiny, steps: 1 })).map(({ step }) => step)).toEqual([1]);
  });

  it('predicts probabilities for as many images as are asked for, whatever the batch', () => {
    const probabilities = new Experiment({ ...tiny, batch: 2 }).predictHeldOut(3);
    expect(probabilities).toHaveLength(3 * 24 * 24);
    expect(probabilities.every((p) => p > 0 && p < 1)).toBe(true);
  });
});
