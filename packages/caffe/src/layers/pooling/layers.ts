/** Pooling and SPP. */

import { count, range } from '../graph.js';
import type { LayerType } from '../layer.js';
import { layerError, only } from '../layer.js';
import { poolOf, pyramid } from './geometry.js';
import { poolWith } from './pools.js';

/** The maximum or the mean under windows over height and width. A second top holds the indices of the maxima. */
export const pooling: LayerType = {
  type: 'Pooling',
  bottoms: { exact: 1 },
  tops: { min: 1, max: 2 },
  shapes({ layer, bottoms, topCount }) {
    const shape = only(bottoms);
    const pool = poolOf(layer, shape);
    if (topCount > 1 && pool.method !== 'MAX') {
      throw layerError(layer, `pool: ${pool.method} has one top; the second is for the indices of MAX`);
    }
    return { tops: range(topCount).map(() => [shape[0]!, shape[1]!, ...pool.output]), params: [] };
  },
  build({ g, layer, bottoms, topCount, training }) {
    const x = only(bottoms);
    return poolWith(g, x, poolOf(layer, g.dims(x)), { withMask: topCount > 1, training });
  },
};

/** Spatial pyramid pooling: the pools of all levels, flattened and joined. */
export const spp: LayerType = {
  type: 'SPP',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const [n, c] = only(bottoms) as [number, number];
    const pools = pyramid(layer, only(bottoms));
    if (pools.length === 1) return { tops: [[n, c, ...pools[0]!.output]], params: [] };
    return { tops: [[n, c * pools.reduce((sum, pool) => sum + count(pool.output), 0)]], params: [] };
  },
  build({ g, layer, bottoms, training }) {
    const x = only(bottoms);
    const [n, c] = g.dims(x) as [number, number];
    const pools = pyramid(layer, g.dims(x));
    const levels = pools.map((pool) => poolWith(g, x, pool, { withMask: false, training }));
    if (levels.length === 1) return levels[0]!;
    const sizes = pools.map((pool) => c * count(pool.output));
    const flat = levels.map((level, i) => g.reshape(level.tops[0]!, [n, sizes[i]!]));
    return {
      tops: [g.concat(flat, 1)],
      backward([dy]) {
        if (!dy) return { bottoms: [null] };
        const parts = g.split(dy, sizes, 1).map((part, i) => {
          const level = levels[i]!;
          const shaped = g.reshape(part, g.dims(level.tops[0]!));
          return level.backward!([shaped], { bottoms: [true], params: [] }).bottoms[0]!;
        });
        return { bottoms: [g.sum(parts)] };
      },
    };
  },
};

export const poolingLayers: readonly LayerType[] = [pooling, spp];
