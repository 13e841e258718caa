import { count } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerType } from '../layer.js';
import { layerError, showShape } from '../layer.js';
import { sigmoidRows } from './cross-entropy.js';
import { divisor, ignoreLabel, kept, normalizationOf } from './normalization.js';

/**
 * Cross-entropy of sigmoid(x) with targets in [0, 1], summed and divided as loss_param.normalization says (by shape(0)
 * where it says nothing). A target that equals ignore_label exactly does not count; with
 * {@link LayerHost.caffeIgnoreQuirk} targets are cut to whole numbers before they are compared, as Caffe does.
 */
export const sigmoidCrossEntropyLoss: LayerType = {
  type: 'SigmoidCrossEntropyLoss',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 1,
  shapes({ layer, bottoms }) {
    const [x, t] = bottoms as [readonly number[], readonly number[]];
    if (x[0] !== t[0]) {
      throw layerError(
        layer,
        `logits '${layer.bottom[0]}' ${showShape(x)} and targets '${layer.bottom[1]}' ${showShape(t)} must have the same first dimension`,
      );
    }
    if (count(x) !== count(t)) {
      throw layerError(
        layer,
        `logits '${layer.bottom[0]}' ${showShape(x)} and targets '${layer.bottom[1]}' ${showShape(t)} must have the same count`,
      );
    }
    return { tops: [[]], params: [] };
  },
  build({ g, layer, bottoms, host }) {
    const x = bottoms[0]!;
    const shape = g.dims(x);
    const t = g.reshape(bottoms[1]!, shape);
    const outer = shape[0]!;
    const ignore = ignoreLabel(layer);
    const valid = ignore === null ? null : validTargets(g, t, ignore, host.caffeIgnoreQuirk ?? false);
    const by = divisor(g, normalizationOf(layer, 'BATCH_SIZE'), outer, count(shape, 1), valid);
    const rows = sigmoidRows(g, x, t);
    return {
      tops: [g.div(g.total(kept(g, valid, rows.loss)), by)],
      backward: ([dy]) => ({
        bottoms: [dy ? kept(g, valid, g.mul(rows.gradient, g.div(dy, by))) : null, null],
      }),
    };
  },
};

function validTargets(g: LayerGraph, t: Value, ignore: number, cut: boolean): Value {
  const compared = cut ? g.cast(g.cast(t, 'int32'), 'float32') : t;
  return g.not(g.equal(compared, ignore));
}
