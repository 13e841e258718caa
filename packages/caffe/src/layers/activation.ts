/** Layers that apply a function of one number: ReLU and its kin, sigmoids, clipping. */

import { range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerType } from './layer.js';
import { constantFiller, only, pointwise } from './layer.js';
import { has } from '../schema/message.js';

/** max(x, 0) + negative_slope min(x, 0) */
export const relu: LayerType = pointwise('ReLU', ({ g, layer }, x) => {
  const slope = layer.relu_param.negative_slope;
  if (slope === 0) {
    const y = g.relu(x);
    // From y, not from x: the provider can then fuse the ReLU into what comes before it.
    return { y, dx: (dy) => g.mul(dy, g.positive(y)) };
  }
  const y = g.leakyRelu(x, slope);
  const seen = slope > 0 ? y : x;
  return { y, dx: (dy) => g.mul(dy, g.add(g.mul(g.positive(seen), 1 - slope), slope)) };
});

/** max(x, 0) + a min(x, 0), with a parameter a for each channel, or one for all. */
export const prelu: LayerType = {
  type: 'PReLU',
  bottoms: { exact: 1 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const { prelu_param: param } = layer;
    const shape = only(bottoms);
    return {
      tops: [shape],
      params: [
        {
          shape: param.channel_shared ? [] : [shape[1] ?? 1],
          filler: has(param, 'filler') ? param.filler : constantFiller(0.25),
        },
      ],
    };
  },
  build({ g, layer, bottoms, params }) {
    const x = only(bottoms);
    const shape = g.dims(x);
    const rank = shape.length;
    const shared = layer.prelu_param.channel_shared;
    const slope = g.reshape(
      only(params),
      shared ? [] : range(rank - 1).map((i) => (i === 0 ? shape[1]! : 1)),
    );
    const below = g.min(x, 0);
    return {
      tops: [g.add(g.relu(x), g.mul(slope, below))],
      backward([dy], wanted) {
        if (!dy) return { bottoms: [null] };
        const dx = (): Value => {
          const on = g.positive(x);
          return g.mul(dy, g.add(on, g.mul(slope, oneMinus(g, on))));
        };
        const dslope = (): Value => {
          const product = g.mul(dy, below);
          const axes = range(rank).filter((i) => shared || i !== 1);
          return g.reshape(g.reduceSum(product, axes), g.dims(only(params)));
        };
        return {
          bottoms: [wanted.bottoms[0] ? dx() : null],
          params: [wanted.params[0] ? dslope() : null],
        };
      },
    };
  },
};

/** x where x > 0, alpha (exp(x) - 1) elsewhere */
export const elu: LayerType = pointwise('ELU', ({ g, layer }, x) => {
  const { alpha } = layer.elu_param;
  const y = g.elu(x, alpha);
  return { y, dx: (dy) => g.mul(dy, g.where(g.greater(x, 0), 1, g.add(y, alpha))) };
});

/** 1 / (1 + exp(-x)) */
export const sigmoid: LayerType = pointwise('Sigmoid', ({ g }, x) => {
  const y = g.sigmoid(x);
  // sigma(-x), not 1 - y: the difference has no digits left where y is near 1.
  return { y, dx: (dy) => g.mul(dy, g.mul(y, g.sigmoid(g.neg(x)))) };
});

export const tanh: LayerType = pointwise('TanH', ({ g }, x) => {
  const y = g.tanh(x);
  return { y, dx: (dy) => g.mul(dy, oneMinus(g, g.mul(y, y))) };
});

/** x sigma(beta x) */
export const swish: LayerType = pointwise('Swish', ({ g, layer }, x) => {
  const { beta } = layer.swish_param;
  const s = g.sigmoid(g.mul(x, beta));
  const y = g.mul(x, s);
  const by = g.mul(y, beta);
  return { y, dx: (dy) => g.mul(dy, g.add(by, g.mul(s, oneMinus(g, by)))) };
});

/** log(1 + exp(x)) */
export const bnll: LayerType = pointwise('BNLL', ({ g }, x) => ({
  y: g.softplus(x),
  dx: (dy) => g.mul(dy, g.sigmoid(x)),
}));

export const absVal: LayerType = pointwise('AbsVal', ({ g }, x) => ({
  y: g.abs(x),
  dx: (dy) => g.mul(dy, g.sign(x)),
}));

/** x between min and max; the gradient passes at the bounds. */
export const clip: LayerType = pointwise('Clip', ({ g, layer }, x) => {
  const { min, max } = layer.clip_param;
  const y = g.clip(x, min, max);
  return { y, dx: (dy) => g.mul(dy, g.indicator(g.equal(x, y))) };
});

/** 1 where x > threshold, else 0. It has no gradient. */
export const threshold: LayerType = pointwise('Threshold', ({ g, layer }, x) => ({
  y: g.indicator(g.greater(x, layer.threshold_param.threshold)),
}));

/** (shift + scale x) ^ power */
export const power: LayerType = pointwise('Power', ({ g, layer }, x) => {
  const { power: exponent, scale, shift } = layer.power_param;
  const slope = exponent * scale;
  if (slope === 0) {
    // Caffe's rule: constant, with gradient 0.
    const value = exponent === 0 ? 1 : Math.pow(shift, exponent);
    return { y: g.filled(g.dims(x), value), dx: () => g.filled(g.dims(x), 0) };
  }
  const base = g.add(g.mul(x, scale), shift);
  return { y: raised(g, base, exponent), dx: (dy) => g.mul(dy, g.mul(raised(g, base, exponent - 1), slope)) };
});

function raised(g: LayerGraph, x: Value, exponent: number): Value {
  switch (exponent) {
    case 0:
      return g.filled(
        g.dims(x).map(() => 1),
        1,
      );
    case 1:
      return x;
    case 2:
      return g.mul(x, x);
    case 0.5:
      return g.sqrt(x);
    case -1:
      return g.div(1, x);
    default:
      return g.pow(x, exponent);
  }
}

/** base ^ (shift + scale x); base -1 stands for e. */
export const exp: LayerType = pointwise('Exp', ({ g, layer }, x) => {
  const { base, scale, shift } = layer.exp_param;
  const logBase = base === -1 ? 1 : Math.log(base);
  const y = g.mul(g.exp(g.mul(x, logBase * scale)), Math.exp(logBase * shift));
  return { y, dx: (dy) => g.mul(g.mul(dy, y), logBase * scale) };
});

/** log_base(shift + scale x); base -1 stands for e. */
export const log: LayerType = pointwise('Log', ({ g, layer }, x) => {
  const { base, scale, shift } = layer.log_param;
  const logBase = base === -1 ? 1 : Math.log(base);
  const inner = g.add(g.mul(x, scale), shift);
  return {
    y: g.mul(g.log(inner), 1 / logBase),
    dx: (dy) => g.mul(g.div(dy, inner), scale / logBase),
  };
});

/** In training, sets elements to 0 with probability dropout_ratio and scales the others by 1 / (1 - dropout_ratio). */
export const dropout: LayerType = pointwise('Dropout', ({ g, layer, phase, random }, x) => {
  if (phase === 'TEST') return { y: x, dx: (dy) => dy };
  const ratio = layer.dropout_param.dropout_ratio;
  const mask = random(g.dims(x), 1 - ratio, 1 / (1 - ratio));
  return { y: g.mul(x, mask), dx: (dy) => g.mul(dy, mask) };
});

function oneMinus(g: LayerGraph, x: Value): Value {
  return g.sub(1, x);
}

export const activations: readonly LayerType[] = [
  relu,
  prelu,
  elu,
  sigmoid,
  tanh,
  swish,
  bnll,
  absVal,
  clip,
  threshold,
  power,
  exp,
  log,
  dropout,
];
