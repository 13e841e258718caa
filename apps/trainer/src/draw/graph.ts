/** A net as boxes and arrows, placed. */
import type { LayerParameter } from '@softxent/caffe';

/** A layer, with those that work in place on its top. */
export interface Box {
  readonly layers: readonly LayerParameter[];
  /** Its distance from the data. */
  rank: number;
  /** Its place among the boxes of its rank. */
  order: number;
}

/** A blob from the box that makes it to one that reads it. */
export interface Arrow {
  readonly from: Box;
  readonly to: Box;
  readonly blob: string;
}

/** Boxes and arrows of a net's layers. */
export function graphOf(layers: readonly LayerParameter[]): { boxes: Box[]; arrows: Arrow[] } {
  const boxes: { layers: LayerParameter[]; rank: number; order: number }[] = [];
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
    const box = { layers: [layer], rank: 0, order: 0 };
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

/** Orders the boxes of every rank by where their neighbours stand, a few times up and down (Sugiyama et al. 1981). */
export function arrange(boxes: readonly Box[], arrows: readonly Arrow[]): Box[][] {
  const ranks: Box[][] = [];
  for (const box of boxes) (ranks[box.rank] ??= []).push(box);
  const number = (): void => {
    for (const rank of ranks) for (const [i, box] of rank.entries()) box.order = i - (rank.length - 1) / 2;
  };
  number();
  for (let pass = 0; pass < 6; pass++) {
    for (const rank of pass % 2 === 0 ? ranks : ranks.toReversed()) {
      const centre = new Map(
        rank.map((box) => {
          const near = arrows.flatMap(({ from, to }) =>
            to === box ? [from.order] : from === box ? [to.order] : [],
          );
          return [box, near.length === 0 ? box.order : near.reduce((a, b) => a + b, 0) / near.length];
        }),
      );
      rank.sort((a, b) => centre.get(a)! - centre.get(b)!);
      number();
    }
  }
  return ranks;
}
