/** Pictures in memory, as PNG. */
import { encode } from 'fast-png';

/** Grey levels, or red, green, blue; rows from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** A picture of levels from 0 (black) to 1, asked for pixel by pixel. */
export function picture(
  width: number,
  height: number,
  channels: 1 | 3,
  level: (pixel: number, channel: number) => number,
): Picture {
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const value = Math.round(255 * level(Math.floor(i / channels), i % channels));
    data[i] = Math.min(255, Math.max(0, value));
  }
  return { width, height, channels, data };
}

/** A PNG file's bytes. */
export const png = ({ width, height, channels, data }: Picture): Uint8Array =>
  encode({ width, height, channels, depth: 8, data });

/** A picture as an address that holds it. */
export const dataUrl = (shown: Picture): string =>
  `data:image/png;base64,${Buffer.from(png(shown)).toString('base64')}`;

/** Room between pictures in a grid. */
const GAP = 4;

/** A small picture with every pixel several times as large: up to 128 pixels in all. */
function enlarged(small: Picture): Picture {
  const { width, height, channels, data } = small;
  const by = Math.max(1, Math.floor(128 / Math.max(width, height)));
  if (by === 1) return small;
  const large = new Uint8Array(data.length * by * by);
  for (let y = 0; y < height * by; y++) {
    for (let x = 0; x < width * by; x++) {
      const from = (Math.floor(y / by) * width + Math.floor(x / by)) * channels;
      for (let c = 0; c < channels; c++) large[(y * width * by + x) * channels + c] = data[from + c]!;
    }
  }
  return { width: width * by, height: height * by, channels, data: large };
}

/** Rows of pictures in one PNG, on white; small ones larger. */
export function gridPng(rows: readonly Iterable<Picture>[]): Uint8Array {
  const all = rows.map((row) => Array.from(row, enlarged));
  const widths = all.map((row) => row.reduce((sum, { width }) => sum + width + GAP, GAP));
  const heights = all.map((row) => Math.max(...row.map(({ height }) => height)) + GAP);
  const width = Math.max(...widths);
  const height = heights.reduce((sum, value) => sum + value, GAP);
  const data = new Uint8Array(3 * width * height).fill(255);
  let top = GAP;
  for (const [i, row] of all.entries()) {
    let left = GAP;
    for (const shown of row) {
      paste(data, width, shown, left, top);
      left += shown.width + GAP;
    }
    top += heights[i]!;
  }
  return png({ width, height, channels: 3, data });
}

function paste(target: Uint8Array, targetWidth: number, from: Picture, left: number, top: number): void {
  for (let i = 0; i < from.width * from.height; i++) {
    const at = 3 * ((top + Math.floor(i / from.width)) * targetWidth + left + (i % from.width));
    for (let c = 0; c < 3; c++)
      target[at + c] = from.data[i * from.channels + (from.channels === 3 ? c : 0)]!;
  }
}
