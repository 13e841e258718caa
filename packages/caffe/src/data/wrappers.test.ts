import { describe, expect, test } from 'vitest';
import { create } from '../schema/message.js';
import { checkedLabels } from './check-labels.js';
import { LabelRangeError } from './errors.js';
import { memorySource } from './memory-source.js';
import { prefetch } from './prefetch.js';
import type { BatchSource } from './source.js';

/** Batches 0, 1, 2, ...: one value, the number of the batch. Counts overlapping calls; fails at `failAt`. */
function counting(failAt = Infinity): BatchSource & { asked: number; overlaps: number; closed: boolean } {
  let busy = false;
  const source = {
    tops: new Map([['data', [1]]]),
    length: undefined,
    asked: 0,
    overlaps: 0,
    closed: false,
    async next() {
      if (busy) source.overlaps++;
      busy = true;
      const value = source.asked++;
      await Promise.resolve();
      busy = false;
      if (value >= failAt) throw new Error(`batch ${value} is broken`);
      return new Map([['data', { shape: [1], data: Float32Array.of(value) }]]);
    },
    skip(batches: number) {
      source.asked += batches;
      return Promise.resolve();
    },
    close() {
      source.closed = true;
      return Promise.resolve();
    },
  };
  return source;
}

async function numberOf(source: BatchSource): Promise<number> {
  return (await source.next()).get('data')!.data[0]!;
}

describe('prefetch', () => {
  test('reads ahead by the depth, one batch at a time, in order', async () => {
    const source = counting();
    const ahead = prefetch(source, 3);
    expect(source.asked).toBe(0);
    expect([await numberOf(ahead), await numberOf(ahead), await numberOf(ahead)]).toEqual([0, 1, 2]);
    await ahead.close();
    expect(source).toMatchObject({ asked: 6, overlaps: 0, closed: true });
  });

  test('an error comes where its batch would have, and no batch after it', async () => {
    const source = counting(2);
    const ahead = prefetch(source, 2);
    expect([await numberOf(ahead), await numberOf(ahead)]).toEqual([0, 1]);
    await expect(ahead.next()).rejects.toThrow('batch 2 is broken');
    await expect(ahead.next()).rejects.toThrow('batch 2 is broken');
    await ahead.close();
    expect(source.asked).toBe(3);
  });

  test('passes over batches that are read ahead and those after them', async () => {
    const ahead = prefetch(counting(), 2);
    await ahead.skip(3);
    expect(await numberOf(ahead)).toBe(3);
    await ahead.skip(1);
    expect(await numberOf(ahead)).toBe(5);
    await ahead.skip(4);
    expect(await numberOf(ahead)).toBe(10);
  });
});

describe('checked labels', () => {
  const layer = create('LayerParameter', {
    name: 'in',
    type: 'MemoryData',
    top: ['data', 'label'],
    memory_data_param: create('MemoryDataParameter', { batch_size: 2, channels: 1, height: 1, width: 1 }),
  });
  const source = (...labels: number[]): BatchSource =>
    memorySource(layer, { data: new Float32Array(labels.length), labels: Float32Array.from(labels) });

  test('probabilities pass, the ends included', async () => {
    const checked = checkedLabels(source(0, 1, 0.5, 1e-30), { tops: ['label'] });
    await checked.next();
    expect((await checked.next()).get('label')!.data).toEqual(Float32Array.of(0.5, 1e-30));
  });

  test.each([
    [
      [0, 1.5],
      /^top 'label': 1 label outside \[0, 1\], the first at \[1, 0, 0, 0\]: found 1.5, expected a probability$/,
    ],
    [
      [-0.25, Number.NaN],
      /^top 'label': 2 labels outside \[0, 1\], the first at \[0, 0, 0, 0\]: found -0.25/,
    ],
    [[Number.NaN, 1], /found NaN/],
    [[255, 0], /found 255/],
  ])('%j does not', async (labels, message) => {
    const attempt = checkedLabels(source(...labels), { tops: ['label'] }).next();
    await expect(attempt).rejects.toThrow(LabelRangeError);
    await expect(attempt).rejects.toThrow(message);
  });

  test('a value to ignore passes, other tops are not looked at', async () => {
    const checked = checkedLabels(source(255, 0), { tops: ['label', 'absent'], ignore: 255 });
    expect((await checked.next()).get('label')!.data).toEqual(Float32Array.of(255, 0));
    await expect(checkedLabels(source(7, 0), { tops: ['data'] }).next()).resolves.toBeInstanceOf(Map);
  });
});
