/** Loops over planes of pixels that convolutions are made of: 3 x 3 taps, `dilation` pixels apart. */
import type { Floats } from './layer.js';

/** Height and width of a plane, and how far the taps are apart: the margin that a padded plane has on every side. */
export interface Taps {
  readonly height: number;
  readonly width: number;
  readonly dilation: number;
}

/** Length of a padded plane. */
export function paddedLength({ height, width, dilation }: Taps): number {
  return (height + 2 * dilation) * (width + 2 * dilation);
}

/** Copies `count` planes into the middle of padded ones, whose margins stay as they are. */
export function pad(planes: Floats, padded: Floats, count: number, taps: Taps): void {
  const { height, width, dilation } = taps;
  const stride = width + 2 * dilation;
  let from = 0;
  for (let plane = 0; plane < count; plane += 1) {
    let to = plane * paddedLength(taps) + dilation * stride + dilation;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) padded[to + x] = planes[from + x]!;
      from += width;
      to += stride;
    }
  }
}

/** Adds to the plane at `to` the correlation of the padded plane at `from` with the nine weights at `tap`. */
export function addCorrelation(
  target: { readonly planes: Floats; readonly to: number },
  source: { readonly padded: Floats; readonly from: number },
  kernel: { readonly weights: Floats; readonly tap: number },
  { height, width, dilation }: Taps,
): void {
  const { planes, to } = target;
  const { padded, from } = source;
  const { weights, tap } = kernel;
  const w0 = weights[tap]!;
  const w1 = weights[tap + 1]!;
  const w2 = weights[tap + 2]!;
  const w3 = weights[tap + 3]!;
  const w4 = weights[tap + 4]!;
  const w5 = weights[tap + 5]!;
  const w6 = weights[tap + 6]!;
  const w7 = weights[tap + 7]!;
  const w8 = weights[tap + 8]!;
  const stride = width + 2 * dilation;
  const two = 2 * dilation;
  for (let y = 0; y < height; y += 1) {
    const row = to + y * width;
    let top = from + y * stride;
    let middle = top + dilation * stride;
    let bottom = middle + dilation * stride;
    for (let x = 0; x < width; x += 1) {
      planes[row + x]! +=
        w0 * padded[top]! +
        w1 * padded[top + dilation]! +
        w2 * padded[top + two]! +
        (w3 * padded[middle]! + w4 * padded[middle + dilation]! + w5 * padded[middle + two]!) +
        (w6 * padded[bottom]! + w7 * padded[bottom + dilation]! + w8 * padded[bottom + two]!);
      top += 1;
      middle += 1;
      bottom += 1;
    }
  }
}

/** Adds to the nine numbers at `tap` the correlation of the padded plane at `from` with the plane at `to`. */
export function addTapGradients(
  kernel: { readonly weights: Floats; readonly tap: number },
  source: { readonly padded: Floats; readonly from: number },
  target: { readonly planes: Floats; readonly to: number },
  { height, width, dilation }: Taps,
): void {
  const { planes, to } = target;
  const { padded, from } = source;
  const { weights, tap } = kernel;
  const stride = width + 2 * dilation;
  const two = 2 * dilation;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  let s8 = 0;
  for (let y = 0; y < height; y += 1) {
    const row = to + y * width;
    let top = from + y * stride;
    let middle = top + dilation * stride;
    let bottom = middle + dilation * stride;
    for (let x = 0; x < width; x += 1) {
      const value = planes[row + x]!;
      s0 += value * padded[top]!;
      s1 += value * padded[top + dilation]!;
      s2 += value * padded[top + two]!;
      s3 += value * padded[middle]!;
      s4 += value * padded[middle + dilation]!;
      s5 += value * padded[middle + two]!;
      s6 += value * padded[bottom]!;
      s7 += value * padded[bottom + dilation]!;
      s8 += value * padded[bottom + two]!;
      top += 1;
      middle += 1;
      bottom += 1;
    }
  }
  weights[tap]! += s0;
  weights[tap + 1]! += s1;
  weights[tap + 2]! += s2;
  weights[tap + 3]! += s3;
  weights[tap + 4]! += s4;
  weights[tap + 5]! += s5;
  weights[tap + 6]! += s6;
  weights[tap + 7]! += s7;
  weights[tap + 8]! += s8;
}
