/** BatchNorm, LRN and MVN. */

import { count, range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerType } from './layer.js';
import { constantFiller, layerError, only, pointwise } from './layer.js';
import type { LayerParameter, Phase } from '../schema/messages.js';
import { has } from '../schema/message.js';

const usesGlobal = (layer: LayerParameter, phase: Phase): boolean => {
  const { batch_norm_param: param } = layer;
  return has(param, 'use_global_stats') ? param.use_global_stats : phase === 'TEST';
};

/**
 * (x - mean) / sqrt(variance + eps) of each channel. With the statistics of the batch, the three parameters (running
 * sums of mean and variance, and of their weights) change in the forward pass; else they give the statistics.
 */
export const batchNorm: LayerType = {
  type: 'BatchNorm',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ bottoms }) {
    const shape = only(bottoms);
    const channels = shape.length === 1 ? 1 : shape[1]!;
    const blob = (size: number) => ({ shape: [size], filler: constantFiller(0), frozen: true });
    return { tops: [shape], params: [blob(channels), blob(channels), blob(1)] };
  },
  build({ g, layer, phase, bottoms, params }) {
    const x = only(bottoms);
    const given = g.dims(x);
    // A vector is one channel.
    const shape = given.length === 1 ? [given[0]!, 1] : given;
    const channels = shape[1]!;
    const spread = [1, channels, ...shape.slice(2).map(() => 1)];
    const data = g.reshape(x, shape);
    const [meanSum, varianceSum, weight] = params as [Value, Value, Value];
    const { eps, moving_average_fraction: fraction } = layer.batch_norm_param;
    if (usesGlobal(layer, phase)) {
      const factor = g.where(g.equal(weight, 0), 0, g.div(1, weight));
      const mean = g.reshape(g.mul(meanSum, factor), spread);
      const deviation = g.sqrt(g.add(g.reshape(g.mul(varianceSum, factor), spread), eps));
      return {
        tops: [g.reshape(g.div(g.sub(data, mean), deviation), given)],
        backward: ([dy]) => ({
          bottoms: [dy ? g.reshape(g.div(g.reshape(dy, shape), deviation), given) : null],
        }),
      };
    }
    const outside = range(shape.length).filter((i) => i !== 1);
    const mean = channelMean(g, data, outside);
    const centred = g.sub(data, mean);
    const variance = channelMean(g, g.mul(centred, centred), outside);
    const deviation = g.sqrt(g.add(variance, eps));
    const y = g.div(centred, deviation);
    const m = count(shape) / channels;
    const correction = m > 1 ? m / (m - 1) : 1;
    const running = (sum: Value, now: Value): Value => g.add(g.mul(sum, fraction), now);
    return {
      tops: [g.reshape(y, given)],
      updates: new Map([
        [0, running(meanSum, g.reshape(mean, [channels]))],
        [1, running(varianceSum, g.mul(g.reshape(variance, [channels]), correction))],
        [2, running(weight, g.constant([1]))],
      ]),
      backward([dtop]) {
        if (!dtop) return { bottoms: [null] };
        const dy = g.reshape(dtop, shape);
        const dx = g.div(projected(g, dy, y, outside), deviation);
        return { bottoms: [g.reshape(dx, given)] };
      },
    };
  },
};

/** The mean over some axes, taken one after the other: shorter sums lose fewer digits. */
function channelMean(g: LayerGraph, x: Value, axes: readonly number[]): Value {
  return axes.toReversed().reduce((value, axis) => g.reduceMean(value, [axis], true), x);
}

/** dy without its mean and without its part along y: what goes through a normalisation. */
function projected(g: LayerGraph, dy: Value, y: Value, axes: readonly number[]): Value {
  const along = g.mul(y, channelMean(g, g.mul(dy, y), axes));
  return g.sub(g.sub(dy, channelMean(g, dy, axes)), along);
}

/** (x - mean) / (standard deviation + eps) of each channel of each item, or of each item. */
export const mvn: LayerType = pointwise('MVN', ({ g, layer }, x) => {
  const { normalize_variance: normalize, across_channels: together, eps } = layer.mvn_param;
  const shape = g.dims(x);
  const axes = range(shape.length).slice(together ? 1 : 2);
  const centred = g.sub(x, channelMean(g, x, axes));
  if (!normalize) return { y: centred, dx: (dy) => g.sub(dy, channelMean(g, dy, axes)) };
  const deviation = g.add(g.sqrt(channelMean(g, g.mul(centred, centred), axes)), eps);
  const y = g.div(centred, deviation);
  return { y, dx: (dy) => g.div(projected(g, dy, y, axes), deviation) };
});

/** x / (k + alpha/n sum x^2) ^ beta, the sum over neighbouring channels, or over neighbours within the channel. */
export const lrn: LayerType = {
  ...pointwise('LRN', ({ g, layer }, x) =>
    (layer.lrn_param.norm_region === 'ACROSS_CHANNELS' ? across : within)(g, layer, x),
  ),
  shapes({ layer, bottoms }) {
    const shape = only(bottoms);
    const { local_size: size } = layer.lrn_param;
    if (size % 2 === 0) throw layerError(layer, `local_size is ${size}; it must be odd`);
    if (shape.length !== 4) {
      throw layerError(
        layer,
        `the bottom has ${shape.length} axes; expected 4 (num, channels, height, width)`,
      );
    }
    return { tops: [shape], params: [] };
  },
};

type Neighbourhood = (x: Value) => Value;

/** The mean over the window of every element, zeros beyond the border counted. */
function averages(g: LayerGraph, shape: readonly number[], kernel: readonly number[]): Neighbourhood {
  const half = kernel.map((size) => (size - 1) / 2);
  return (x) => {
    const pooled = g.op(
      'AveragePool',
      [g.reshape(x, shape)],
      { kernel_shape: [...kernel], pads: [...half, ...half], count_include_pad: 1 },
      shape,
    );
    return g.reshape(pooled, g.dims(x));
  };
}

function normalised(
  g: LayerGraph,
  x: Value,
  mean: Neighbourhood,
  { k, alpha, beta }: { k: number; alpha: number; beta: number },
): { y: Value; dx: (dy: Value) => Value } {
  const base = g.add(g.mul(mean(g.mul(x, x)), alpha), k);
  const factor = g.pow(base, -beta);
  const y = g.mul(x, factor);
  return {
    y,
    dx: (dy) => {
      const share = mean(g.div(g.mul(dy, y), base));
      return g.sub(g.mul(dy, factor), g.mul(g.mul(x, share), 2 * alpha * beta));
    },
  };
}

function across(g: LayerGraph, layer: LayerParameter, x: Value): { y: Value; dx: (dy: Value) => Value } {
  const { local_size: size } = layer.lrn_param;
  const [n, c, h, w] = g.dims(x) as [number, number, number, number];
  return normalised(g, x, averages(g, [n, 1, c, h * w], [size, 1]), layer.lrn_param);
}

function within(g: LayerGraph, layer: LayerParameter, x: Value): { y: Value; dx: (dy: Value) => Value } {
  const { local_size: size, alpha, beta } = layer.lrn_param;
  // Caffe does not use k here.
  return normalised(g, x, averages(g, g.dims(x), [size, size]), { k: 1, alpha, beta });
}

export const normalisationLayers: readonly LayerType[] = [batchNorm, lrn, mvn];
