/** Losses over classes: SoftmaxWithLoss, InfogainLoss, MultinomialLogisticLoss. */

import type { LayerParameter } from '../../schema/messages.js';
import { count, range } from '../graph.js';
import type { LayerGraph, Value } from '../graph.js';
import type { LayerBuild, LayerForward, LayerHost, LayerInputs, LayerType } from '../layer.js';
import { axisOf, layerError, showShape } from '../layer.js';
import { softmaxRows } from './cross-entropy.js';
import { divisor, ignoreLabel, kept, normalizationOf, validLabels } from './normalization.js';

/** -log of the smallest normal float32: Caffe keeps a class label's probability at or above it. */
const HIGHEST_LABEL_LOSS = -Math.log(2 ** -126);

/** log(1e-20): InfogainLoss keeps probabilities at or above it. */
const LOWEST_LOG = Math.log(1e-20);

/** Rows: `outer` before the class axis times `inner` behind it. */
interface Rows {
  readonly axis: number;
  readonly outer: number;
  readonly classes: number;
  readonly inner: number;
}

function rowsOf(layer: LayerParameter, shape: readonly number[], axis: number): Rows {
  const at = axisOf(layer, axis, shape.length);
  return { axis: at, outer: count(shape, 0, at), classes: shape[at]!, inner: count(shape, at + 1) };
}

/** Checks that there is a label for every row. */
function checkLabels({ layer, bottoms }: LayerInputs, rows: Rows, also: string): void {
  const [x, t] = bottoms as [readonly number[], readonly number[]];
  if (count(t) !== rows.outer * rows.inner) {
    throw layerError(
      layer,
      `labels '${layer.bottom[1]}' are ${showShape(t)}; logits '${layer.bottom[0]}' ${showShape(x)} need one label for each of ${rows.outer * rows.inner} rows (class axis ${rows.axis})${also}`,
    );
  }
}

const threeAxes = ({ outer, classes, inner }: Rows): number[] => [outer, classes, inner];

/** Labels cut to whole numbers, [outer, 1, inner]. */
const wholeLabels = (g: LayerGraph, labels: Value, { outer, inner }: Rows): Value =>
  g.cast(g.cast(g.reshape(labels, [outer, 1, inner]), 'int32'), 'float32');

/** Truth at the class that a label names, [outer, classes, inner]. */
const hits = (g: LayerGraph, labels: Value, { classes }: Rows): Value =>
  g.equal(g.constant(range(classes), [1, classes, 1]), labels);

const classRows = (layer: LayerParameter, shape: readonly number[]): Rows =>
  rowsOf(layer, shape, layer.softmax_param.axis);

/** Whether the second bottom holds a distribution for every row, and not a label. */
const isSoft = (x: readonly number[], t: readonly number[], { outer, inner }: Rows): boolean =>
  x.join() === t.join() && count(t) !== outer * inner;

/**
 * Cross-entropy of softmax(x) with a class label for every row or, where the second bottom has the logits' shape, with
 * a distribution for every row. A row does not count where its label (every one of its targets) is ignore_label.
 */
export const softmaxWithLoss: LayerType = {
  type: 'SoftmaxWithLoss',
  bottoms: { exact: 2 },
  tops: { min: 1, max: 2 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 1,
  shapes(inputs) {
    const [x, t] = inputs.bottoms as [readonly number[], readonly number[]];
    const rows = classRows(inputs.layer, x);
    if (!isSoft(x, t, rows)) checkLabels(inputs, rows, ", or a soft target of the logits' own shape");
    return { tops: [[], x].slice(0, inputs.topCount), params: [] };
  },
  build({ g, layer, bottoms, topCount }) {
    const [x, t] = bottoms as [Value, Value];
    const rows = classRows(layer, g.dims(x));
    const soft = isSoft(g.dims(x), g.dims(t), rows);
    const logits = g.reshape(x, threeAxes(rows));
    const ignore = ignoreLabel(layer);
    const labels = soft ? g.reshape(t, threeAxes(rows)) : wholeLabels(g, t, rows);
    const valid = soft ? validRows(g, labels, ignore) : validLabels(g, labels, ignore);
    const { loss, gradient } = softmaxRows(g, logits, labels, soft);
    const held = soft ? loss : g.min(loss, HIGHEST_LABEL_LOSS);
    return finished(g, { layer, x, rows, valid, topCount }, held, gradient, () => g.softmax(logits, 1));
  },
};

/** Truth where not every target of a row is the ignored value. */
function validRows(g: LayerGraph, t: Value, ignore: number | null): Value | null {
  if (ignore === null) return null;
  return g.greater(g.reduceMax(g.indicator(g.not(g.equal(t, ignore))), [1], true), 0);
}

interface Frame {
  readonly layer: LayerParameter;
  readonly x: Value;
  readonly rows: Rows;
  readonly valid: Value | null;
  readonly topCount: number;
}

/** Masks, sums, divides, and gives the probabilities as the second top where there is one. */
function finished(
  g: LayerGraph,
  { layer, x, rows, valid, topCount }: Frame,
  loss: Value,
  gradient: Value,
  probabilities: () => Value,
): LayerForward {
  const by = divisor(g, normalizationOf(layer, 'VALID'), rows.outer, rows.inner, valid);
  const shape = g.dims(x);
  return {
    tops: [
      g.div(g.total(kept(g, valid, loss)), by),
      ...(topCount > 1 ? [g.reshape(probabilities(), shape)] : []),
    ],
    backward([dy]) {
      if (!dy) return { bottoms: [null, null] };
      const scaled = g.mul(gradient, g.div(dy, by));
      return { bottoms: [g.reshape(kept(g, valid, scaled), shape), null] };
    },
  };
}

/** -sum_l H[label, l] log p_l, with H the third bottom or read from infogain_loss_param.source. */
export const infogainLoss: LayerType = {
  type: 'InfogainLoss',
  bottoms: { min: 2, max: 3 },
  tops: { min: 1, max: 2 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 1,
  shapes(inputs) {
    const { layer, bottoms, topCount } = inputs;
    const [x, , matrix] = bottoms;
    const rows = rowsOf(layer, x!, layer.infogain_loss_param.axis);
    checkLabels(inputs, rows, '');
    if (matrix) checkMatrix(layer, count(matrix), rows, `bottom 2 ('${layer.bottom[2]}')`);
    return { tops: [[], x!].slice(0, topCount), params: [] };
  },
  build({ g, layer, bottoms, topCount, host }: LayerBuild) {
    const [x, t, given] = bottoms as [Value, Value, Value | undefined];
    const rows = rowsOf(layer, g.dims(x), layer.infogain_loss_param.axis);
    const { outer, classes, inner } = rows;
    const matrix = g.reshape(given ?? matrixFrom(g, layer, rows, host), [classes, classes]);
    const labels = wholeLabels(g, t, rows);
    const valid = validLabels(g, labels, ignoreLabel(layer));
    const { shifted, exps, sum } = g.exponentials(g.reshape(x, threeAxes(rows)), 1);
    const probabilities = g.div(exps, sum);
    // Row `label` of H for every row of logits; an ignored label may name no row at all.
    const safe = g.reshape(g.indices(kept(g, valid, labels)), [outer, inner]);
    const weights = g.transpose(g.gather(matrix, safe, 0), [0, 2, 1]);
    const logs = g.max(g.sub(shifted, g.log(sum)), LOWEST_LOG);
    const loss = g.neg(g.reduceSum(g.mul(weights, logs), [1], true));
    const gradient = g.sub(g.mul(probabilities, g.reduceSum(weights, [1], true)), weights);
    return finished(g, { layer, x, rows, valid, topCount }, loss, gradient, () => probabilities);
  },
};

function checkMatrix(layer: LayerParameter, size: number, { classes }: Rows, where: string): void {
  if (size !== classes * classes) {
    throw layerError(layer, `${where} holds ${size} numbers; ${classes} classes need ${classes * classes}`);
  }
}

function matrixFrom(g: LayerGraph, layer: LayerParameter, rows: Rows, host: LayerHost): Value {
  const { source } = layer.infogain_loss_param;
  if (source === '')
    throw layerError(layer, 'needs the infogain matrix: a third bottom, or infogain_loss_param.source');
  if (!host.readBlob) throw layerError(layer, `nothing to read the infogain matrix '${source}' with`);
  const { data } = host.readBlob(source);
  checkMatrix(layer, data.length, rows, `'${source}'`);
  return g.constant(Float32Array.from(data));
}

/** -log p_label of given probabilities, held at 1e-20 or above, over the number of items. */
export const multinomialLogisticLoss: LayerType = {
  type: 'MultinomialLogisticLoss',
  bottoms: { exact: 2 },
  tops: { exact: 1 },
  autoTops: true,
  loss: true,
  allowsForceBackward: (bottom) => bottom !== 1,
  shapes(inputs) {
    const { layer, bottoms } = inputs;
    checkItems(layer, bottoms);
    return { tops: [[]], params: [] };
  },
  build({ g, bottoms }) {
    const [p, t] = bottoms as [Value, Value];
    const shape = g.dims(p);
    const num = shape[0]!;
    const rows: Rows = { axis: 1, outer: num, classes: count(shape, 1), inner: 1 };
    const hit = hits(g, wholeLabels(g, t, rows), rows);
    const held = g.max(g.reshape(p, threeAxes(rows)), 1e-20);
    const loss = g.reduceSum(g.where(hit, g.neg(g.log(held)), 0), [1]);
    return {
      tops: [g.div(g.total(loss), num)],
      backward([dy]) {
        if (!dy) return { bottoms: [null, null] };
        const gradient = g.where(hit, g.div(g.mul(dy, -1 / num), held), 0);
        return { bottoms: [g.reshape(gradient, shape), null] };
      },
    };
  },
};

/** Checks that there is one label for every item. */
export function checkItems(layer: LayerParameter, bottoms: readonly (readonly number[])[]): void {
  const [x, t] = bottoms as [readonly number[], readonly number[]];
  if (count(t) !== x[0]) {
    throw layerError(
      layer,
      `labels '${layer.bottom[1]}' are ${showShape(t)}; '${layer.bottom[0]}' ${showShape(x)} needs ${x[0]}`,
    );
  }
}
