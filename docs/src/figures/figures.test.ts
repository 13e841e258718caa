import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { figures } from './figures.js';
import { digits, floors, regions } from './numbers.js';

const folder = fileURLToPath(new URL('../../guides/figures/', import.meta.url));
const drawn = figures();

// SOFTXENT_UPDATE_FIGURES=1 draws them anew.
beforeAll(async () => {
  if (process.env['SOFTXENT_UPDATE_FIGURES'] !== '1') return;
  await mkdir(folder, { recursive: true });
  await Promise.all(Object.entries(drawn).map(([name, svg]) => writeFile(folder + name, svg)));
});

describe('the figures of the guides', () => {
  it.each(Object.keys(drawn))('are what the library computes: %s', async (name) => {
    const committed = await readFile(folder + name, 'utf8');
    expect(committed).toBe(drawn[name]);
    expect(committed.length).toBeLessThan(60_000);
  });

  it('show floors that are the entropies of their labels', () => {
    const { curves, least } = floors();
    for (const { x: t, y } of least) {
      expect(y).toBeCloseTo(-t * Math.log(t) - (1 - t) * Math.log(1 - t), 12);
      const curve = curves.filter(({ of }) => of === `label ${t}`).map((point) => point.y);
      expect(Math.min(...curve)).toBeCloseTo(y, 12);
    }
  });

  it('show errors of the usual form in millions of ulp, and none of softxent above 1', () => {
    const of = (name: RegExp): number[] =>
      digits()
        .filter((point) => name.test(point.of))
        .map(({ y }) => y);
    expect(Math.max(...of(/softxent/))).toBeLessThanOrEqual(1);
    expect(Math.max(...of(/max/))).toBeGreaterThan(1e5);
  });

  it('show that dice is least at 1 and its semimetric at the target', () => {
    const least = (name: string): number =>
      regions()
        .filter(({ of }) => of === name)
        .reduce((a, b) => (b.y < a.y ? b : a)).x;
    expect(least('dice')).toBe(1);
    expect(least('diceSemimetric')).toBe(0.6);
  });
});
