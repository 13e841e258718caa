/** EuclideanLoss, ContrastiveLoss, HingeLoss and Accuracy. */

import { has } from '../../schema/message.js';
import { count, range } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerType } from '../layer.js';
import { axisOf, layerError, showShape } from '../layer.js';
import { checkItems } from './softmax.js';

/** sum (a - b)^2 / (2 N) */
export const euclideanLoss: LayerType = {
  type: 'EuclideanLoss',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  autoTops: true,
  loss: true,
  shapes({ layer, bottoms }) {
    const [a, b] = bottoms as [readonly number[], readonly number[]];
    if (a[0] !== b[0] || count(a) !== count(b)) {
      throw layerError(
        layer,
        `bottoms '${layer.bottom[0]}' ${showShape(a)} and '${layer.bottom[1]}' ${showShape(b)} must have the same first dimension and the same count`,
      );
    }
    return { tops: [[]], params: [] };
  },
  build({ g, bottoms }) {
    const [a, b] = bottoms as [Value, Value];
    const shape = g.dims(a);
    const difference = g.sub(a, g.reshape(b, shape));
    return {
      tops: [g.mul(g.total(g.mul(difference, difference)), 0.5 / shape[0]!)],
      backward([dy], wanted) {
        if (!dy) return { bottoms: [null, null] };
        const gradient = g.mul(difference, g.mul(dy, 1 / shape[0]!));
        return {
          bottoms: [gradient, wanted.bottoms[1] ? g.reshape(g.neg(gradient), g.dims(b)) : null],
        };
      },
    };
  },
};

/** For pairs (a, b): d^2 where they are similar, else max(margin - d, 0)^2 (legacy: max(margin - d^2, 0)), over 2 N. */
export const contrastiveLoss: LayerType = {
  type: 'ContrastiveLoss',
  bottoms: { exact: 3 },
  tops: { exact: 1 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 2,
  shapes({ layer, bottoms }) {
    const [a, b, s] = bottoms as [readonly number[], readonly number[], readonly number[]];
    if (a[0] !== b[0] || count(a) !== count(b) || count(s) !== a[0]) {
      throw layerError(
        layer,
        `bottoms are ${showShape(a)}, ${showShape(b)} and ${showShape(s)}; expected two equal shapes and one similarity an item`,
      );
    }
    return { tops: [[]], params: [] };
  },
  build({ g, layer, bottoms }) {
    const [a, b, s] = bottoms as [Value, Value, Value];
    const { margin, legacy_version: legacy } = layer.contrastive_loss_param;
    const shape = g.dims(a);
    const num = shape[0]!;
    const flat = [num, count(shape, 1)];
    const difference = g.sub(g.reshape(a, flat), g.reshape(b, flat));
    const square = g.reduceSum(g.mul(difference, difference), [1], true);
    const distance = legacy ? square : g.sqrt(square);
    const similar = g.not(g.equal(g.cast(g.cast(g.reshape(s, [num, 1]), 'int32'), 'float32'), 0));
    const missing = g.relu(g.sub(margin, distance));
    const apart = legacy ? missing : g.mul(missing, missing);
    return {
      tops: [g.mul(g.total(g.where(similar, square, apart)), 0.5 / num)],
      backward([dy], wanted) {
        if (!dy) return { bottoms: [null, null, null] };
        // Caffe's rule for pairs at distance 0: the quotient is held finite by 1e-4.
        const pull = legacy ? g.neg(g.positive(missing)) : g.neg(g.div(missing, g.add(distance, 1e-4)));
        const factor = g.mul(g.where(similar, 1, pull), g.mul(dy, 1 / num));
        const gradient = g.mul(difference, factor);
        return {
          bottoms: [
            g.reshape(gradient, shape),
            wanted.bottoms[1] ? g.reshape(g.neg(gradient), g.dims(b)) : null,
            null,
          ],
        };
      },
    };
  },
};

/** sum over classes of max(0, 1 - y x) or its square, y = 1 for the label's class and -1 for the others; over N. */
export const hingeLoss: LayerType = {
  type: 'HingeLoss',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 1,
  shapes({ layer, bottoms }) {
    checkItems(layer, bottoms);
    return { tops: [[]], params: [] };
  },
  build({ g, layer, bottoms }) {
    const [x, t] = bottoms as [Value, Value];
    const shape = g.dims(x);
    const num = shape[0]!;
    const classes = count(shape, 1);
    const sign = g.where(hitOf(g, t, num, classes, 1), -1, 1);
    const hinge = g.relu(g.add(g.mul(g.reshape(x, [num, classes, 1]), sign), 1));
    const squared = layer.hinge_loss_param.norm === 'L2';
    return {
      tops: [g.mul(g.total(squared ? g.mul(hinge, hinge) : hinge), 1 / num)],
      backward([dy]) {
        if (!dy) return { bottoms: [null, null] };
        const slope = squared ? g.mul(hinge, 2) : g.positive(hinge);
        const gradient = g.mul(g.mul(sign, slope), g.mul(dy, 1 / num));
        return { bottoms: [g.reshape(gradient, shape), null] };
      },
    };
  },
};

/** Truth at the class of each label: [outer, classes, inner]. */
function hitOf(g: LayerGraph, labels: Value, outer: number, classes: number, inner: number): Value {
  const whole = g.cast(g.cast(g.reshape(labels, [outer, 1, inner]), 'int32'), 'float32');
  return g.equal(g.constant(range(classes), [1, classes, 1]), whole);
}

/**
 * The share of rows whose label is among the top_k classes; a class that scores as much as the label counts as better.
 * The second top is the same for each class. It has no gradient.
 */
export const accuracy: LayerType = {
  type: 'Accuracy',
  bottoms: { exact: 2 },
  tops: { min: 1, max: 2 },
  shapes({ layer, bottoms, topCount }) {
    const [x, t] = bottoms as [readonly number[], readonly number[]];
    const { axis, top_k: k } = layer.accuracy_param;
    const at = axisOf(layer, axis, x.length);
    const rows = count(x, 0, at) * count(x, at + 1);
    if (count(t) !== rows) {
      throw layerError(
        layer,
        `labels '${layer.bottom[1]}' are ${showShape(t)}; '${layer.bottom[0]}' ${showShape(x)} needs ${rows}`,
      );
    }
    if (k > count(t) && k > x[at]!) throw layerError(layer, `top_k is ${k}, but there are ${x[at]!} classes`);
    return { tops: [[], [x[at]!]].slice(0, topCount), params: [] };
  },
  build({ g, layer, bottoms, topCount }) {
    const [x, t] = bottoms as [Value, Value];
    const shape = g.dims(x);
    const { axis, top_k: k } = layer.accuracy_param;
    const at = axisOf(layer, axis, shape.length);
    const [outer, classes, inner] = [count(shape, 0, at), shape[at]!, count(shape, at + 1)] as const;
    const scores = g.reshape(x, [outer, classes, inner]);
    const hit = hitOf(g, t, outer, classes, inner);
    const own = g.reduceSum(g.where(hit, scores, 0), [1], true);
    const asGood = g.reduceSum(g.indicator(g.greaterEqual(scores, own)), [1], true);
    // The label itself is one of those that are as good.
    const right = g.indicator(g.greaterEqual(k + 0.5, asGood));
    const labels = g.reshape(t, [outer, 1, inner]);
    const valid = has(layer.accuracy_param, 'ignore_label')
      ? g.indicator(
          g.not(g.equal(g.cast(g.cast(labels, 'int32'), 'float32'), layer.accuracy_param.ignore_label)),
        )
      : g.filled([outer, 1, inner], 1);
    const counted = g.mul(g.indicator(hit), valid);
    const share = (found: Value, all: Value): Value => g.div(found, g.max(all, 1));
    const perClass = (value: Value): Value => g.reduceSum(g.reduceSum(value, [2]), [0]);
    return {
      tops: [
        share(g.total(g.mul(right, valid)), g.total(valid)),
        share(perClass(g.mul(counted, right)), perClass(counted)),
      ].slice(0, topCount),
    };
  },
};
