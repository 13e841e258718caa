/** A net as boxes and arrows, placed. */
import type { LayerParameter } from '@softxent/caffe';

/** A layer, with those that work in place on its top; without layers: where an arrow passes a rank. */
export interface Box {
  readonly layers: readonly LayerParameter[];
  /** Its distance from the data. */
  rank: number;
  /** The middle of its place among those of its rank, from the middle of the picture. */
  x: number;
}

/** A blob from the box that makes it to one that reads it, or a stretch of that way. */
export interface Arrow {
  readonly from: Box;
  readonly to: Box;
  readonly blob: string;
}

/** How wide boxes are, passing arrows, and the room between them. */
export interface Widths {
  readonly box: number;
  readonly passing: number;
  readonly gap: number;
}

/** Boxes and arrows of a net's layers. */
export function graphOf(layers: readonly LayerParameter[]): { boxes: Box[]; arrows: Arrow[] } {
  const boxes: { layers: LayerParameter[]; rank: number; x: number }[] = [];
  const arrows: Arrow[] = [];
  const maker = new Map<string, (typeof boxes)[number]>();
  for (const layer of layers) {
    const { bottom, top } = layer;
    const before =
      bottom.length === 1 && top.length === 1 && bottom[0] === top[0] ? maker.get(top[0]!) : undefined;
    // A layer in place has its own box only where something has read the blob before it.
    if (before && !arrows.some((arrow) => arrow.from === before && arrow.blob === top[0])) {
      before.layers.push(layer);
      continue;
    }
    const box = { layers: [layer], rank: 0, x: 0 };
    boxes.push(box);
    for (const blob of bottom) {
      const from = maker.get(blob);
      if (!from) continue;
      arrows.push({ from, to: box, blob });
      box.rank = Math.max(box.rank, from.rank + 1);
    }
    for (const blob of top) maker.set(blob, box);
  }
  return { boxes, arrows };
}

/** Cuts arrows that pass ranks into stretches from rank to rank; those of one blob share their way. */
export function stretched(
  boxes: readonly Box[],
  arrows: readonly Arrow[],
): { boxes: Box[]; arrows: Arrow[] } {
  const ways = new Map<Box, Map<string, Box[]>>();
  const all = [...boxes];
  const cut: Arrow[] = [];
  for (const { from, to, blob } of arrows) {
    const blobs = ways.get(from) ?? new Map<string, Box[]>();
    ways.set(from, blobs);
    const way = blobs.get(blob) ?? [from];
    blobs.set(blob, way);
    while (way.at(-1)!.rank < to.rank - 1) {
      const last = way.at(-1)!;
      const passing = { layers: [], rank: last.rank + 1, x: 0 };
      all.push(passing);
      cut.push({ from: last, to: passing, blob });
      way.push(passing);
    }
    cut.push({ from: way[to.rank - from.rank - 1]!, to, blob });
  }
  return { boxes: all, arrows: cut };
}

/**
 * Orders what stands in every rank by where its neighbours stand, a few times up and down (Sugiyama et al. 1981), and gives each its
 * place.
 */
export function arrange(boxes: readonly Box[], arrows: readonly Arrow[], widths: Widths): Box[][] {
  const ranks: Box[][] = [];
  for (const box of boxes) (ranks[box.rank] ??= []).push(box);
  const widthOf = ({ layers }: Box): number => (layers.length > 0 ? widths.box : widths.passing);
  const place = (rank: readonly Box[]): void => {
    const whole = rank.reduce((sum, box) => sum + widthOf(box) + widths.gap, -widths.gap);
    let left = -whole / 2;
    for (const box of rank) {
      box.x = left + widthOf(box) / 2;
      left += widthOf(box) + widths.gap;
    }
  };
  const near = new Map<Box, Box[]>(boxes.map((box) => [box, []]));
  for (const { from, to } of arrows) {
    near.get(from)!.push(to);
    near.get(to)!.push(from);
  }
  for (const rank of ranks) place(rank);
  for (let pass = 0; pass < 8; pass++) {
    for (const rank of pass % 2 === 0 ? ranks : ranks.toReversed()) {
      const centre = new Map(
        rank.map((box) => {
          const others = near.get(box)!;
          return [
            box,
            others.length === 0 ? box.x : others.reduce((sum, { x }) => sum + x, 0) / others.length,
          ];
        }),
      );
      rank.sort((a, b) => centre.get(a)! - centre.get(b)!);
      place(rank);
    }
  }
  return ranks;
}
