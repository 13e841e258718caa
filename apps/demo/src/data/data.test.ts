import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import { annotate, makeAnnotators, softLabel } from './annotators.js';
import { makeDataset, meanTarget } from './dataset.js';
import { makeScene, positionIn } from './scene.js';

const size = 32;

function makeSet(seed: number): ReturnType<typeof makeDataset> {
  const random = new Random(seed);
  const annotators = makeAnnotators(5, random.fork());
  return makeDataset({ count: 6, size, annotators, random });
}

describe('makeScene', () => {
  it('makes images with values in [0, 1] that are brighter inside sharp cells than outside all', () => {
    const { image, cells } = makeScene(size, new Random(3));
    expect(image).toHaveLength(size * size);
    let inside = 0;
    let insideCount = 0;
    let outside = 0;
    let outsideCount = 0;
    for (const [i, value] of image.entries()) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
      const depths = cells.map((cell) => positionIn(cell, i % size, Math.floor(i / size)).inside);
      if (cells.some((cell, k) => cell.contrast >= 0.3 && depths[k]! > 1)) {
        inside += value;
        insideCount += 1;
      } else if (depths.every((depth) => depth < -2)) {
        outside += value;
        outsideCount += 1;
      }
    }
    expect(insideCount).toBeGreaterThan(0);
    expect(outsideCount).toBeGreaterThan(0);
    expect(inside / insideCount).toBeGreaterThan(outside / outsideCount + 0.15);
  });
});

describe('softLabel', () => {
  it('is the share of the annotators, exactly, for five of them', () => {
    const masks = [0, 1, 2, 3, 4].map((k) => Uint8Array.from([0, 1, 2, 3, 4, 5], (votes) => +(k < votes)));
    expect([...softLabel(masks)]).toEqual([0, 51, 102, 153, 204, 255]);
  });

  it('stays in [0, 1] and is rounded for a number of annotators that does not divide 255', () => {
    const masks = [[1], [1], [0], [1]].map((mask) => Uint8Array.from(mask));
    expect([...softLabel(masks)]).toEqual([191]);
  });
});

describe('annotators', () => {
  it('agree on the heart of a sharp cell and disagree on edges and faint cells', () => {
    const random = new Random(11);
    const annotators = makeAnnotators(5, random.fork());
    const shared = { size, angle: 0, radiusX: 6, radiusY: 6 };
    const cells = [
      { ...shared, x: 8, y: 8, contrast: 0.4, blur: 0.7 },
      { ...shared, x: 23, y: 23, contrast: 0.15, blur: 2 },
    ];
    const image = new Float32Array(size * size);
    const label = softLabel(annotators.map((a) => annotate({ size, cells, image }, a, random.fork())));
    expect(label[8 * size + 8]).toBe(255);
    expect(label[31]).toBe(0);
    expect(label[23 * size + 23]).toBeGreaterThan(0);
    expect(label[23 * size + 23]).toBeLessThan(255);
    const row = [...label.subarray(8 * size, 8 * size + 18)];
    expect(row.some((value) => value > 0 && value < 255)).toBe(true);
  });
});

describe('makeDataset', () => {
  it('gives the same bits for the same seed and others for another', () => {
    expect(makeSet(5)).toEqual(makeSet(5));
    expect(makeSet(5).images).not.toEqual(makeSet(6).images);
    expect(makeSet(5).targets).not.toEqual(makeSet(6).targets);
  });

  it('holds soft labels, some of them strictly between 0 and 1, whose mean is in (0, 1)', () => {
    const dataset = makeSet(5);
    expect(dataset.targets).toHaveLength(6 * size * size);
    expect(dataset.targets.some((value) => value > 0 && value < 255)).toBe(true);
    expect(dataset.targets.every((value) => value % 51 === 0)).toBe(true);
    expect(meanTarget(dataset)).toBeGreaterThan(0);
    expect(meanTarget(dataset)).toBeLessThan(1);
  });
});
