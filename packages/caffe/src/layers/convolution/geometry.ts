import type { ConvolutionParameter, LayerParameter } from '../../schema/messages.js';
import { has } from '../../schema/message.js';
import { count, range } from '../graph.js';
import { axisOf, layerError, showShape } from '../layer.js';

/** Windows that slide over the spatial axes; every list holds one number for each of them. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly dilation: readonly number[];
}

/** A convolution's (or deconvolution's, or Im2col's) sizes. */
export interface Geometry extends Window {
  /** The axes before the channels, which count as the batch. */
  readonly before: readonly number[];
  readonly batch: number;
  readonly channels: number;
  readonly group: number;
  readonly outputs: number;
  /** Spatial sizes of the bottom and of the top. */
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** How far a window reaches: dilation (kernel - 1) + 1. */
export const extent = (window: Window, i: number): number =>
  window.dilation[i]! * (window.kernel[i]! - 1) + 1;

type Field = 'kernel_size' | 'stride' | 'pad' | 'dilation';

/** The numbers of a field that is given once, for each spatial axis, or (in two dimensions) as _h and _w. */
function perAxis(
  layer: LayerParameter,
  param: ConvolutionParameter,
  field: Field,
  axes: number,
  absent: number | null,
): number[] {
  const name = field === 'kernel_size' ? 'kernel' : field;
  const list = param[field];
  if (name !== 'dilation' && (has(param, `${name}_h`) || has(param, `${name}_w`))) {
    if (axes !== 2) {
      throw layerError(layer, `${name}_h and ${name}_w are for two spatial axes; the bottom has ${axes}`);
    }
    if (list.length > 0) throw layerError(layer, `${field} goes alone, or ${name}_h and ${name}_w; not both`);
    return [param[`${name}_h`], param[`${name}_w`]];
  }
  if (list.length === 0 && absent !== null) return range(axes).map(() => absent);
  if (list.length !== 1 && list.length !== axes) {
    throw layerError(
      layer,
      `${field} must be specified once, or once per spatial dimension (${list.length} times; ${axes} spatial dims)`,
    );
  }
  return range(axes).map((i) => list[list.length === 1 ? 0 : i]!);
}

/** The window that a convolution_param describes over `axes` spatial axes. */
export function windowOf(layer: LayerParameter, axes: number): Window {
  const { convolution_param: param } = layer;
  const window: Window = {
    kernel: perAxis(layer, param, 'kernel_size', axes, null),
    stride: perAxis(layer, param, 'stride', axes, 1),
    pad: perAxis(layer, param, 'pad', axes, 0),
    dilation: perAxis(layer, param, 'dilation', axes, 1),
  };
  for (const [name, list] of Object.entries(window) as [string, number[]][]) {
    if (name !== 'pad' && list.some((value) => value < 1)) {
      throw layerError(layer, `${name} is ${list.join(' x ')}; every one must be 1 or more`);
    }
  }
  return window;
}

/** How many places a window takes in every direction. */
export function slidingSizes(layer: LayerParameter, window: Window, input: readonly number[]): number[] {
  return input.map((size, i) => {
    const room = size + 2 * window.pad[i]! - extent(window, i);
    if (room < 0) {
      throw layerError(
        layer,
        `the kernel reaches over ${extent(window, i)}, but spatial axis ${i} is ${size} with padding ${window.pad[i]!} on either side`,
      );
    }
    return Math.floor(room / window.stride[i]!) + 1;
  });
}

/** The sizes of a Convolution or Deconvolution layer over a bottom of the given shape. */
export function geometryOf(layer: LayerParameter, shape: readonly number[], transposed: boolean): Geometry {
  const { convolution_param: param } = layer;
  const axis = axisOf(layer, param.axis, shape.length);
  const input = shape.slice(axis + 1);
  const channels = shape[axis]!;
  const { num_output: outputs, group } = param;
  if (outputs < 1)
    throw layerError(layer, 'convolution_param.num_output is missing or 0; expected 1 or more');
  if (group < 1 || channels % group !== 0) {
    throw layerError(
      layer,
      `group ${group} does not divide the ${channels} channels of the bottom ${showShape(shape)}`,
    );
  }
  if (outputs % group !== 0) throw layerError(layer, `group ${group} does not divide num_output ${outputs}`);
  const window = windowOf(layer, input.length);
  const output = transposed
    ? input.map((size, i) => window.stride[i]! * (size - 1) + extent(window, i) - 2 * window.pad[i]!)
    : slidingSizes(layer, window, input);
  for (const [i, size] of output.entries()) {
    if (size < 1)
      throw layerError(layer, `spatial axis ${i} of the top would be ${size}; the padding is too large`);
  }
  const before = shape.slice(0, axis);
  return { ...window, before, batch: count(before), channels, group, outputs, input, output };
}
