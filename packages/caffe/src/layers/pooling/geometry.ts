/** The windows of pools: what a pooling_param or a pyramid asks for. */

import { has } from '../../schema/message.js';
import type { LayerParameter, PoolingParameter } from '../../schema/messages.js';
import type { Window } from '../convolution/geometry.js';
import { range } from '../graph.js';
import { layerError, showShape } from '../layer.js';

type Method = PoolingParameter['pool'];

/** A window over two axes and how many places it takes. */
export interface Pool extends Window {
  readonly method: Method;
  readonly input: readonly number[];
  readonly output: readonly number[];
}

function pair(
  layer: LayerParameter,
  param: PoolingParameter,
  name: 'kernel' | 'stride' | 'pad',
  absent: number | null,
): number[] {
  const square = name === 'kernel' ? 'kernel_size' : name;
  const h = has(param, `${name}_h`);
  const w = has(param, `${name}_w`);
  if (has(param, square)) {
    if (h || w) throw layerError(layer, `${square} goes alone, or ${name}_h and ${name}_w; not both`);
    return [param[square], param[square]];
  }
  if (h !== w) throw layerError(layer, `${name}_h and ${name}_w go together`);
  if (h) return [param[`${name}_h`], param[`${name}_w`]];
  if (absent === null) throw layerError(layer, `give ${square}, or ${name}_h and ${name}_w`);
  return [absent, absent];
}

function planeOf(layer: LayerParameter, shape: readonly number[]): number[] {
  if (shape.length !== 4) {
    throw layerError(
      layer,
      `the bottom is ${showShape(shape)}; expected 4 axes (num, channels, height, width)`,
    );
  }
  return shape.slice(2);
}

function checkMethod(layer: LayerParameter, method: Method): void {
  if (method === 'STOCHASTIC') throw layerError(layer, 'pool: STOCHASTIC is not supported; MAX and AVE are');
}

export function poolOf(layer: LayerParameter, shape: readonly number[]): Pool {
  const { pooling_param: param } = layer;
  const input = planeOf(layer, shape);
  checkMethod(layer, param.pool);
  const global = param.global_pooling;
  if (global && (has(param, 'kernel_size') || has(param, 'kernel_h') || has(param, 'kernel_w'))) {
    throw layerError(layer, 'global_pooling goes without kernel_size, kernel_h and kernel_w');
  }
  const kernel = global ? input : pair(layer, param, 'kernel', null);
  const stride = pair(layer, param, 'stride', 1);
  const pad = pair(layer, param, 'pad', 0);
  if (kernel.some((size) => size < 1))
    throw layerError(layer, `the kernel is ${kernel.join(' x ')}; expected 1 or more`);
  if (stride.some((step) => step < 1))
    throw layerError(layer, `the stride is ${stride.join(' x ')}; expected 1 or more`);
  if (global && (pad.some((size) => size !== 0) || stride.some((step) => step !== 1))) {
    throw layerError(layer, 'global_pooling goes with pad 0 and stride 1');
  }
  if (pad.some((size, i) => size >= kernel[i]!)) {
    throw layerError(
      layer,
      `the padding ${pad.join(' x ')} must be smaller than the kernel ${kernel.join(' x ')}`,
    );
  }
  const output = pooledSizes(input, { kernel, stride, pad }, param.round_mode === 'FLOOR');
  return { method: param.pool, input, kernel, stride, pad, dilation: [1, 1], output };
}

/**
 * Sizes round up (or down, as asked). Only where there is padding, a last window that would start beyond the image and
 * the padding before it is dropped; without padding it stays, and may hold no pixel at all.
 */
function pooledSizes(
  input: readonly number[],
  { kernel, stride, pad }: Pick<Window, 'kernel' | 'stride' | 'pad'>,
  floor: boolean,
): number[] {
  const padded = pad.some((size) => size > 0);
  return input.map((size, i) => {
    const steps = (size + 2 * pad[i]! - kernel[i]!) / stride[i]!;
    const places = (floor ? Math.floor(steps) : Math.ceil(steps)) + 1;
    return padded && (places - 1) * stride[i]! >= size + pad[i]! ? places - 1 : places;
  });
}

/** How much has to be added behind, so that every window is whole. */
export const behind = (pool: Pool): number[] =>
  pool.input.map(
    (size, i) => (pool.output[i]! - 1) * pool.stride[i]! + pool.kernel[i]! - size - pool.pad[i]!,
  );

/** How many pixels every window is divided by: the padding around the image counts, what lies beyond it does not. */
export function divisors({ input, output, kernel, stride, pad }: Pool): number[] {
  const along = input.map((size, i) =>
    range(output[i]!).map((place) => {
      const start = place * stride[i]! - pad[i]!;
      return Math.min(start + kernel[i]!, size + pad[i]!) - start;
    }),
  );
  return along[0]!.flatMap((rows) => along[1]!.map((columns) => rows * columns));
}

/** The pools of a spatial pyramid: 1, 4, 16, ... bins. */
export function pyramid(layer: LayerParameter, shape: readonly number[]): Pool[] {
  const { pyramid_height: height, pool: method } = layer.spp_param;
  const input = planeOf(layer, shape);
  checkMethod(layer, method);
  if (height < 1) throw layerError(layer, `pyramid_height is ${height}; expected 1 or more`);
  return range(height).map((level) => {
    const bins = 2 ** level;
    const kernel = input.map((size) => Math.ceil(size / bins));
    const pad = input.map((size, i) => Math.floor((kernel[i]! * bins - size + 1) / 2));
    if (pad.some((size, i) => size >= kernel[i]!)) {
      throw layerError(layer, `${bins} x ${bins} bins are too many for a plane of ${input.join(' x ')}`);
    }
    const output = pooledSizes(input, { kernel, stride: kernel, pad }, false);
    return { method, input, kernel, stride: kernel, pad, dilation: [1, 1], output };
  });
}
