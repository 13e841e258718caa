import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { drawPicture, pictureSize } from './picture.js';

const size = 40;
const panels = (value: number): Float32Array => new Float32Array(2 * size * size).fill(value);
const columns = [
  { caption: 'image', values: panels(0) },
  { caption: 'soft label', values: panels(0.5) },
  { caption: 'prediction', values: panels(1) },
];

describe('drawPicture', () => {
  it('gives a PNG of the promised dimensions', () => {
    const { width, height } = decode(drawPicture(columns, 2, size));
    expect({ width, height }).toEqual(pictureSize(3, 2, size));
    expect(width).toBeGreaterThan(3 * 3 * size);
    expect(height).toBeGreaterThan(2 * 3 * size);
  });

  it('puts the columns side by side, one row an image, captions above', () => {
    const { width, height, data } = decode(drawPicture(columns, 2, size));
    const panel = 3 * size;
    const row = data.subarray(width * (height - panel), width * (height - panel + 1));
    const counts = new Map<number, number>();
    for (const value of row) counts.set(value, (counts.get(value) ?? 0) + 1);
    expect(counts.get(0)).toBe(panel);
    expect(counts.get(128)).toBe(panel);
    expect(row.indexOf(0)).toBeLessThan(row.indexOf(128));
    // White panels on white paper: look for ink over them instead.
    const head = data.subarray(0, width * 30);
    const inkAt = [...head.keys()].filter((i) => head[i]! < 128).map((i) => i % width);
    expect(inkAt.some((x) => x < width / 3)).toBe(true);
    expect(inkAt.some((x) => x > (2 * width) / 3)).toBe(true);
  });

  it('refuses columns that do not hold as many panels as there are rows', () => {
    const short = { caption: 'image', values: new Float32Array(size * size) };
    expect(() => drawPicture([short], 2, size)).toThrow('image: found 1600 values, expected 3200');
  });

  it('refuses a caption with a letter that it cannot draw', () => {
    expect(() => drawPicture([{ caption: 'Q', values: panels(0) }], 2, size)).toThrow("no letter 'Q'");
  });
});
