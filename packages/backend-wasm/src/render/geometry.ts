/** How a plan's rows are cut into tiles and blocks. It depends on shapes alone, so that sums have one order. */
import type { Plan } from '@softxent/core/plan';

/**
 * Where the four lanes of a vector lie.
 *
 * - `rows`: nothing varies along `extent`; lanes are neighbouring rows (sigmoid losses).
 * - `planes`: lanes are neighbouring rows, which are contiguous (inner > 1, NCHW).
 * - `transposed`: short contiguous rows (channels-last, few classes) are transposed into planes, tile by tile.
 * - `lines`: lanes run along a long contiguous row (channels-last, regions).
 */
export type Arrangement = 'rows' | 'planes' | 'transposed' | 'lines';

export interface Geometry {
  readonly arrangement: Arrangement;
  /** Whether rows are so short that all their elements are computed at once, in registers. */
  readonly isFused: boolean;
  readonly rows: number;
  readonly extent: number;
  readonly inner: number;
  /** Rows of a tile; the last tile (of each plane) may have fewer. */
  readonly tileRows: number;
  /** `tileRows` rounded up to whole vectors. */
  readonly paddedRows: number;
  /** For planes: tiles in one of the `outer` planes. */
  readonly tilesPerPlane: number;
  readonly tiles: number;
  /** Tiles whose totals are added up to one block total. */
  readonly tilesPerBlock: number;
  readonly blocks: number;
}

/** Up to this extent, contiguous rows are transposed. */
const longestTransposed = 32;
/** Rows of up to this extent are computed at once, with up to so many operations. */
const [longestFused, mostFused] = [4, 160];
/** Elements of one operand in a tile: a few operands of this size stay in the second-level cache. */
const tileElements = 16384;
const longestTile = 4096;
/** Elements of a block, at least: what a thread takes at a time. */
const blockElements = 32768;

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

export function geometryOf(plan: Plan): Geometry {
  // Plans of empty tensors are compiled but never run.
  const [outer = 1, extent = 1, inner = 1] = [plan.layout.outer, plan.layout.extent, plan.layout.inner].map(
    (size) => Math.max(size, 1),
  );
  const rows = outer * inner;
  const hasElements = plan.stages.some((stage) => stage.level === 'element');
  const arrangement = !hasElements
    ? 'rows'
    : inner > 1
      ? 'planes'
      : extent <= longestTransposed && rows >= 4
        ? 'transposed'
        : 'lines';
  const operations = new Set(
    plan.stages.filter(({ level }) => level === 'element').flatMap(({ nodes }) => nodes),
  ).size;
  const hasPlanes = arrangement === 'planes' || arrangement === 'transposed';
  const isFused = hasPlanes && extent <= longestFused && extent * operations <= mostFused;
  const fitting = Math.floor(tileElements / (hasElements ? extent : 1));
  const longest = arrangement === 'planes' ? inner : rows;
  // A plane's part of a tile is at least four cache lines: with fewer, classes whose planes lie a power of two apart
  // push one another out of the cache.
  const least = arrangement === 'lines' ? 1 : 64;
  const wanted = Math.min(Math.max(fitting, least), longestTile, longest);
  // Whole vectors, but for what is left at the end.
  const tileRows = wanted >= 4 && wanted < longest ? wanted - (wanted % 4) : wanted;
  const tilesPerPlane = Math.ceil(inner / tileRows);
  const tiles = arrangement === 'planes' ? outer * tilesPerPlane : Math.ceil(rows / tileRows);
  const size = tileRows * (hasElements ? extent : 1);
  const tilesPerBlock = Math.max(1, Math.floor(blockElements / size));
  return {
    arrangement,
    isFused,
    rows,
    extent,
    inner,
    tileRows,
    paddedRows: roundUp(tileRows, 4),
    tilesPerPlane,
    tiles,
    tilesPerBlock,
    blocks: Math.ceil(tiles / tilesPerBlock),
  };
}
