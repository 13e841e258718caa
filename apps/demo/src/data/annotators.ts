/**
 * Simulated annotators. Each draws the outline of every cell by hand: a little inside or outside of it by habit, with
 * a wobble of its own, the more the blurrier the edge; and each overlooks faint cells at a contrast of its own. Their
 * average is the soft label.
 */
import type { Random } from '../random.js';
import { positionIn, type Cell, type Scene } from './scene.js';

/** The habits of an annotator. */
export interface Annotator {
  /** How far outside of the edge the outline runs, in widths of the edge. */
  readonly outward: number;
  /** Unsteadiness of the hand, in pixels. */
  readonly wobble: number;
  /** Contrast under which a cell is mostly overlooked. */
  readonly threshold: number;
}

/** Draws the habits of `count` annotators. */
export function makeAnnotators(count: number, random: Random): Annotator[] {
  return Array.from({ length: count }, () => ({
    outward: 0.8 * random.normal(),
    wobble: random.uniform(0.5, 1.2),
    threshold: random.uniform(0.1, 0.2),
  }));
}

/** The outline that a hand draws: how far outside of the true one, by direction. */
function drawOutline(cell: Cell, annotator: Annotator, random: Random): (direction: number) => number {
  const waves = [1, 2, 3, 5].map((frequency) => ({
    frequency,
    height: (annotator.wobble * (0.5 + cell.blur) * random.normal()) / Math.sqrt(frequency),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  return (direction) => {
    let outside = annotator.outward * cell.blur;
    for (const wave of waves) outside += wave.height * Math.sin(wave.frequency * direction + wave.phase);
    return outside;
  };
}

/** The mask that an annotator draws: 1 in cells, 0 elsewhere, size x size, row by row. */
export function annotate({ size, cells }: Scene, annotator: Annotator, random: Random): Uint8Array {
  const mask = new Uint8Array(size * size);
  for (const cell of cells) {
    const outline = drawOutline(cell, annotator, random);
    const isSeen = cell.contrast + 0.03 * random.normal() > annotator.threshold;
    if (!isSeen) continue;
    for (let y = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1) {
        const { inside, direction } = positionIn(cell, x, y);
        if (inside + outline(direction) > 0) mask[y * size + x] = 1;
      }
    }
  }
  return mask;
}

/**
 * The average of masks as an image stores it: n/255 for a share of n/255 of the annotators. With 1, 3, 5, 15, 17, 51, 85 or
 * 255 annotators every share is exact; with others it is rounded.
 */
export function softLabel(masks: readonly Uint8Array[]): Uint8Array {
  const label = new Uint8Array(masks[0]?.length ?? 0);
  for (let i = 0; i < label.length; i += 1) {
    let votes = 0;
    for (const mask of masks) votes += mask[i]!;
    label[i] = Math.round((255 * votes) / masks.length);
  }
  return label;
}
