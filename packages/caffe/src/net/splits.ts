import { CaffeNetError } from '../errors.js';
import { clear, clone, create, setSource, sourceOf } from '../schema/message.js';
import type { LayerParameter, NetParameter } from '../schema/messages.js';
import { nearest } from '../text/hints.js';
import { layerReference } from './layer-spec.js';

/** One top of one layer, and who uses it. */
interface TopUse {
  readonly layer: LayerParameter;
  readonly blob: string;
  readonly index: number;
  /** How many bottoms read it, and one more if it counts in the loss. */
  uses: number;
  lossWeight: number;
  /** The number of the next copy to hand out. */
  next: number;
}

function splitName({ layer, blob, index }: TopUse): string {
  return `${blob}_${layer.name}_${index}_split`;
}

function splitLayer(use: TopUse): LayerParameter {
  const split = create('LayerParameter', {
    name: splitName(use),
    type: 'Split',
    bottom: [use.blob],
    top: Array.from({ length: use.uses }, (_, i) => `${splitName(use)}_${i}`),
  });
  if (use.lossWeight !== 0) split.loss_weight = split.top.map((_, i) => (i === 0 ? use.lossWeight : 0));
  setSource(split, sourceOf(use.layer));
  return split;
}

/** For every bottom the top it reads: the last one of that name before it. */
function findUses(layers: readonly LayerParameter[]): { bottoms: TopUse[][]; tops: TopUse[][] } {
  const last = new Map<string, TopUse>();
  const bottoms: TopUse[][] = [];
  const tops: TopUse[][] = [];
  for (const layer of layers) {
    bottoms.push(
      layer.bottom.map((blob, index) => {
        const use = last.get(blob);
        if (!use) {
          const near = nearest(blob, last.keys());
          throw new CaffeNetError(
            `no layer before it makes its bottom blob '${blob}' (bottom ${index})${near === undefined ? '' : `; did you mean '${near}'?`}`,
            layerReference(layer),
          );
        }
        use.uses++;
        return use;
      }),
    );
    const made = layer.top.map((blob, index) => ({ layer, blob, index, uses: 0, lossWeight: 0, next: 0 }));
    for (const use of made) last.set(use.blob, use);
    for (const use of made) {
      // A top that counts in the loss is used by the loss as by a layer.
      use.lossWeight = layer.loss_weight[use.index] ?? 0;
      if (use.lossWeight !== 0) use.uses++;
    }
    tops.push(made);
  }
  return { bottoms, tops };
}

/**
 * Inserts a Split layer after every top that more than one layer reads, so that gradients add up, and renames what those
 * read: `a` of layer `l` becomes `a_l_0_split_0`, `a_l_0_split_1`, ... as in Caffe.
 * @throws CaffeNetError for a bottom that no layer makes.
 */
export function insertSplits(net: NetParameter): NetParameter {
  const { bottoms, tops } = findUses(net.layer);
  const layers: LayerParameter[] = [];
  for (const [position, layer] of net.layer.entries()) {
    const copy = clone(layer);
    if (layer.bottom.length > 0) {
      copy.bottom = layer.bottom.map((blob, index) => {
        const use = bottoms[position]?.[index];
        return use && use.uses > 1 ? `${splitName(use)}_${use.next++}` : blob;
      });
    }
    layers.push(copy);
    for (const use of tops[position] ?? []) {
      if (use.uses <= 1) continue;
      layers.push(splitLayer(use));
      if (use.lossWeight !== 0) {
        clear(copy, 'loss_weight');
        use.next++;
      }
    }
  }
  const split = clone(net);
  split.layer = layers;
  return split;
}
