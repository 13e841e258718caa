import type { Layout } from '@softxent/core/plan';

/**
 * How many elements a block holds at most (but always a whole row): the totals of a block are plain double sums, block
 * totals are added with compensation. Fixed, so that the same data always give the same bits.
 */
export const blockElements = 4096;

/** How many rows make a block. */
export function rowsPerBlock({ extent }: Layout): number {
  return Math.max(1, Math.floor(blockElements / Math.max(1, extent)));
}

/** How many blocks the rows make. */
export function blockCount(layout: Layout): number {
  return Math.ceil((layout.outer * layout.inner) / rowsPerBlock(layout));
}
