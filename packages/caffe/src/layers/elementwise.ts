/** Layers that combine blobs element by element: Eltwise, Scale, Bias. */

import { range } from './graph.js';
import type { LayerGraph, Value } from './graph.js';
import type { LayerBuild, LayerForward, LayerInputs, LayerType, ParamBlob, Wanted } from './layer.js';
import { axisOf, constantFiller, layerError, only, showShape } from './layer.js';
import type { FillerParameter, LayerParameter } from '../schema/messages.js';
import { has } from '../schema/message.js';

/** The weighted sum, the product or the maximum of two or more blobs. */
export const eltwise: LayerType = {
  type: 'Eltwise',
  bottoms: { min: 2 },
  tops: { exact: 1 },
  shapes({ layer, bottoms }) {
    const { operation, coeff } = layer.eltwise_param;
    const [first] = bottoms;
    for (const [i, shape] of bottoms.entries()) {
      if (shape.join() !== first!.join()) {
        throw layerError(
          layer,
          `bottom ${i} ('${layer.bottom[i]}') is ${showShape(shape)}, bottom 0 ('${layer.bottom[0]}') is ${showShape(first!)}; they must be equal`,
        );
      }
    }
    if (coeff.length > 0 && coeff.length !== bottoms.length) {
      throw layerError(
        layer,
        `${coeff.length} coeff for ${bottoms.length} bottoms; give one for each, or none`,
      );
    }
    if (coeff.length > 0 && operation !== 'SUM') {
      throw layerError(layer, `coeff goes with operation SUM only, not with ${operation}`);
    }
    return { tops: [first!], params: [] };
  },
  build({ g, layer, bottoms }) {
    const { operation, coeff, stable_prod_grad: stable } = layer.eltwise_param;
    switch (operation) {
      case 'SUM': {
        const at = (i: number): number => coeff[i] ?? 1;
        return {
          tops: [g.sum(bottoms.map((x, i) => g.mul(x, at(i))))],
          backward: ([dy]) => ({ bottoms: bottoms.map((_, i) => (dy ? g.mul(dy, at(i)) : null)) }),
        };
      }
      case 'PROD': {
        const product = (values: readonly Value[]): Value =>
          values.slice(1).reduce((all, value) => g.mul(all, value), values[0]!);
        const y = product(bottoms);
        return {
          tops: [y],
          backward: ([dy]) => ({
            bottoms: bottoms.map((x, i) => {
              if (!dy) return null;
              return g.mul(dy, stable ? product(bottoms.filter((_, j) => j !== i)) : g.div(y, x));
            }),
          }),
        };
      }
      case 'MAX':
        return maximum(g, bottoms);
    }
  },
};

/**
 * The gradient goes to one bottom. Of the first two the second wins a tie; a later bottom wins only where it is larger
 * than all before it.
 */
function maximum(g: LayerGraph, bottoms: readonly Value[]): LayerForward {
  let y = bottoms[0]!;
  const wins: Value[] = [];
  for (const [i, x] of bottoms.entries()) {
    if (i === 0) continue;
    wins.push(g.indicator(i === 1 ? g.greaterEqual(x, y) : g.greater(x, y)));
    y = g.max(y, x);
  }
  return {
    tops: [y],
    backward([dy]) {
      if (!dy) return { bottoms: bottoms.map(() => null) };
      let rest = dy;
      const gradients: Value[] = [];
      for (let i = bottoms.length - 1; i > 0; i--) {
        const part = g.mul(rest, wins[i - 1]!);
        gradients.unshift(part);
        rest = g.sub(rest, part);
      }
      return { bottoms: [rest, ...gradients] };
    },
  };
}

interface BroadcastOptions {
  readonly axis: number;
  readonly num_axes: number;
}

/** The axes of the first bottom that the operand of Scale or Bias lies along. */
function operandAxes(
  { layer, bottoms }: Pick<LayerInputs, 'layer' | 'bottoms'>,
  { axis, num_axes: numAxes }: BroadcastOptions,
): { axis: number; shape: readonly number[] } {
  const [x, operand] = bottoms;
  // An operand that is a scalar lies along no axis, so the axis does not matter then.
  const from = (n: number): number => (n === 0 ? 0 : axisOf(layer, axis, x!.length));
  if (operand) {
    const at = from(operand.length);
    if (operand.some((size, i) => size !== x![at + i])) {
      throw layerError(
        layer,
        `bottom 1 ('${layer.bottom[1]}') is ${showShape(operand)}, which is not what bottom 0 ${showShape(x!)} has from axis ${at} on`,
      );
    }
    return { axis: at, shape: operand };
  }
  const at = from(numAxes);
  if (numAxes < -1) throw layerError(layer, `num_axes is ${numAxes}; it is -1 (to the end) or more`);
  const end = numAxes === -1 ? x!.length : at + numAxes;
  if (end > x!.length) {
    throw layerError(layer, `axis ${at} and num_axes ${numAxes} reach beyond bottom 0 ${showShape(x!)}`);
  }
  return { axis: at, shape: x!.slice(at, end) };
}

/** The operand with axes of size 1 where x has others. */
function aligned(g: LayerGraph, operand: Value, axis: number, rank: number): Value {
  const shape = g.dims(operand);
  return g.reshape(operand, [...shape, ...range(rank - axis - shape.length).map(() => 1)]);
}

/** What an operand gets of a gradient that it was broadcast to. */
function summed(g: LayerGraph, gradient: Value, operand: Value, axis: number): Value {
  const rank = g.dims(operand).length;
  const outside = range(g.dims(gradient).length).filter((i) => i < axis || i >= axis + rank);
  return g.reshape(g.reduceSum(gradient, outside), g.dims(operand));
}

const builtAxis = (build: LayerBuild, options: BroadcastOptions): number => {
  const { g, layer } = build;
  return operandAxes({ layer, bottoms: build.bottoms.map((x) => g.dims(x)) }, options).axis;
};

function oneOrTwo(wanted: Wanted, two: boolean, dx: () => Value, doperand: () => Value): (Value | null)[] {
  const first = wanted.bottoms[0] ? dx() : null;
  return two ? [first, wanted.bottoms[1] ? doperand() : null] : [first];
}

/** x + b, where b (a parameter, or the second bottom) lies along some of x's axes. */
export const bias: LayerType = {
  type: 'Bias',
  bottoms: { min: 1, max: 2 },
  tops: { exact: 1 },
  shapes(inputs) {
    const { bias_param: param } = inputs.layer;
    const { shape } = operandAxes(inputs, param);
    const params = inputs.bottoms.length > 1 ? [] : [{ shape, filler: param.filler }];
    return { tops: [inputs.bottoms[0]!], params };
  },
  build(build) {
    const { g, layer, bottoms, params } = build;
    const axis = builtAxis(build, layer.bias_param);
    const [x] = bottoms;
    const two = bottoms.length > 1;
    const b = two ? bottoms[1]! : only(params);
    return {
      tops: [g.add(x!, aligned(g, b, axis, g.dims(x!).length))],
      backward([dy], wanted) {
        if (!dy) return { bottoms: bottoms.map(() => null) };
        const db = (): Value => summed(g, dy, b, axis);
        return {
          bottoms: oneOrTwo(wanted, two, () => dy, db),
          params: two ? [] : [wanted.params[0] ? db() : null],
        };
      },
    };
  },
};

/** x s (+ b), where s (a parameter, or the second bottom) and b lie along some of x's axes. */
export const scale: LayerType = {
  type: 'Scale',
  bottoms: { min: 1, max: 2 },
  tops: { exact: 1 },
  shapes(inputs) {
    const { scale_param: param } = inputs.layer;
    const { shape } = operandAxes(inputs, param);
    const params: ParamBlob[] = [];
    if (inputs.bottoms.length === 1) params.push({ shape, filler: scaleFiller(inputs.layer) });
    if (param.bias_term) params.push({ shape, filler: param.bias_filler });
    return { tops: [inputs.bottoms[0]!], params };
  },
  build(build) {
    const { g, layer, bottoms, params } = build;
    const axis = builtAxis(build, layer.scale_param);
    const [x] = bottoms;
    const rank = g.dims(x!).length;
    const two = bottoms.length > 1;
    const s = two ? bottoms[1]! : params[0]!;
    const b = layer.scale_param.bias_term ? params.at(-1)! : null;
    const factor = aligned(g, s, axis, rank);
    const scaled = g.mul(x!, factor);
    return {
      tops: [b ? g.add(scaled, aligned(g, b, axis, rank)) : scaled],
      backward([dy], wanted) {
        if (!dy) return { bottoms: bottoms.map(() => null) };
        const ds = (): Value => summed(g, g.mul(dy, x!), s, axis);
        const dparams: (Value | null)[] = [];
        if (!two) dparams.push(wanted.params[0] ? ds() : null);
        if (b) dparams.push(wanted.params.at(-1) ? summed(g, dy, b, axis) : null);
        return { bottoms: oneOrTwo(wanted, two, () => g.mul(dy, factor), ds), params: dparams };
      },
    };
  },
};

function scaleFiller(layer: LayerParameter): FillerParameter {
  return has(layer.scale_param, 'filler') ? layer.scale_param.filler : constantFiller(1);
}

export const elementwiseLayers: readonly LayerType[] = [eltwise, bias, scale];
