import { float, type Value } from './builder-base.js';
import { showShape, transposedDims, windowDims, type Window } from './shapes.js';
import { TensorOps } from './tensor-ops.js';
import { GraphError, type Dim } from './types.js';

/** A window that slides over the spatial axes. A number stands for every axis (and, for pads, both sides). */
export interface WindowOptions {
  /** Default 1. */
  strides?: number | readonly number[];
  /** Begins of all axes, then ends. Default 0. */
  pads?: number | readonly number[];
  /** Default 1. */
  dilations?: number | readonly number[];
}

/** Options of convolutions. */
export interface ConvOptions extends WindowOptions {
  /** Channel groups. Default 1. */
  group?: number;
}

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the end. Default 0. */
  outputPadding?: number | readonly number[];
}

/** Options of pools. */
export interface PoolOptions extends WindowOptions {
  kernel: number | readonly number[];
  /** Round sizes up, as Caffe. Default false. */
  ceilMode?: boolean;
}

interface Resolved extends Window {
  attributes: Record<string, number | readonly number[] | undefined>;
}

/** Operators of neural networks. Layout: [N, C, spatial...]. */
export class NeuralOps extends TensorOps {
  /** Convolution (cross-correlation): weights [outputs, channels/group, kernel...], bias [outputs] or null. */
  conv(x: Value, weights: Value, bias: Value | null = null, options: ConvOptions = {}): Value {
    this.sameDType('Conv', bias === null ? [x, weights] : [x, weights, bias]);
    const { group = 1 } = options;
    const window = this.#window('Conv', x, weights.shape?.slice(2), options);
    const [, channels] = x.shape ?? [];
    const [, own] = weights.shape ?? [];
    if (typeof channels === 'number' && typeof own === 'number' && channels !== own * group) {
      throw new GraphError(
        `Conv: ${showShape(x.shape)} has ${channels} channels, the weights ${showShape(weights.shape)} in ${group} group(s) take ${own * group}`,
      );
    }
    const shape =
      x.shape === null
        ? null
        : [x.shape[0] ?? null, weights.shape?.[0] ?? null, ...windowDims(x.shape.slice(2), window)];
    return this.op(
      'Conv',
      [x, weights, bias],
      { ...window.attributes, kernel_shape: known(window.kernel), group },
      { shape },
    );
  }

  /** The gradient of a convolution by its input, as an operator: weights [channels, outputs/group, kernel...]. */
  convTranspose(
    x: Value,
    weights: Value,
    bias: Value | null = null,
    options: ConvTransposeOptions = {},
  ): Value {
    this.sameDType('ConvTranspose', bias === null ? [x, weights] : [x, weights, bias]);
    const { group = 1 } = options;
    const window = this.#window('ConvTranspose', x, weights.shape?.slice(2), options);
    const padding = spread(
      options.outputPadding,
      this.#spatial('ConvTranspose', x, weights.shape?.slice(2)),
      0,
    );
    const outputs = weights.shape?.[1];
    const shape =
      x.shape === null
        ? null
        : [
            x.shape[0] ?? null,
            typeof outputs === 'number' ? outputs * group : null,
            ...transposedDims(x.shape.slice(2), window, padding),
          ];
    return this.op(
      'ConvTranspose',
      [x, weights, bias],
      { ...window.attributes, kernel_shape: known(window.kernel), group, output_padding: padding },
      { shape },
    );
  }

  /** The largest of every window. */
  maxPool(x: Value, options: PoolOptions): Value {
    return this.#pool('MaxPool', x, options, {});
  }

  /** The mean of every window; `countIncludePad` divides by the window's whole size, padding included. */
  averagePool(x: Value, options: PoolOptions & { countIncludePad?: boolean }): Value {
    // AveragePool has no dilations before opset 19.
    if (
      spread(
        options.dilations,
        this.#spatial('AveragePool', x, spread(options.kernel, undefined, 1)),
        1,
      ).some((dilation) => dilation !== 1)
    ) {
      throw new GraphError('AveragePool: dilations need opset 19');
    }
    return this.#pool('AveragePool', x, options, {
      count_include_pad: Number(options.countIncludePad ?? false),
      dilations: undefined,
    });
  }

  /** The mean of all spatial positions, which stay as axes of size 1. */
  globalAveragePool(x: Value): Value {
    return this.op(
      'GlobalAveragePool',
      [x],
      {},
      { shape: x.shape?.map((dim, i) => (i < 2 ? dim : 1)) ?? null },
    );
  }

  /** Local response normalisation across `size` channels. Not on ONNX Runtime's WebGPU provider. */
  lrn(x: Value, options: { size: number; alpha?: number; beta?: number; bias?: number }): Value {
    const { size, alpha = 1e-4, beta = 0.75, bias = 1 } = options;
    return this.op(
      'LRN',
      [x],
      { size, alpha: float(alpha), beta: float(beta), bias: float(bias) },
      { shape: x.shape },
    );
  }

  /** e^x over its sum along `axis`. */
  softmax(x: Value, axis = -1): Value {
    return this.op('Softmax', [x], { axis }, { shape: x.shape });
  }

  /** (x - mean)/sqrt(variance + epsilon) * scale + bias per channel, with the statistics given. */
  batchNormalization(
    x: Value,
    scale: Value,
    bias: Value,
    mean: Value,
    variance: Value,
    epsilon = 1e-5,
  ): Value {
    return this.op(
      'BatchNormalization',
      [x, scale, bias, mean, variance],
      { epsilon: float(epsilon) },
      { shape: x.shape },
    );
  }

  #pool(opType: string, x: Value, options: PoolOptions, more: Record<string, number | undefined>): Value {
    const kernel = spread(options.kernel, this.#spatial(opType, x, undefined, options.kernel), 1);
    const ceil = options.ceilMode ?? false;
    const window = this.#window(opType, x, kernel, options);
    const shape =
      x.shape === null
        ? null
        : [...x.shape.slice(0, 2), ...windowDims(x.shape.slice(2), { ...window, ceil })];
    return this.op(
      opType,
      [x],
      { ...window.attributes, kernel_shape: kernel, ceil_mode: Number(ceil), ...more },
      { shape },
    );
  }

  #window(opType: string, x: Value, kernel: readonly Dim[] | undefined, options: WindowOptions): Resolved {
    const axes = this.#spatial(opType, x, kernel);
    const strides = spread(options.strides, axes, 1);
    const dilations = spread(options.dilations, axes, 1);
    const pads = spread(options.pads, axes * 2, 0);
    for (const [what, list, length] of [
      ['strides', strides, axes],
      ['dilations', dilations, axes],
      ['pads', pads, axes * 2],
    ] as const) {
      if (list.length !== length)
        throw new GraphError(
          `${opType}: ${what} [${list.join(', ')}] must hold ${length} numbers for ${axes} spatial axes`,
        );
    }
    return { kernel: kernel ?? [], strides, pads, dilations, attributes: { strides, pads, dilations } };
  }

  /** How many spatial axes there are, from whatever is known. */
  #spatial(
    opType: string,
    x: Value,
    kernel: readonly Dim[] | undefined,
    size?: number | readonly number[],
  ): number {
    if (x.shape !== null) return x.shape.length - 2;
    if (kernel !== undefined) return kernel.length;
    if (size !== undefined && typeof size !== 'number') return size.length;
    throw new GraphError(`${opType}: the rank of '${x.name}' is not known; give the kernel as a list`);
  }
}

function spread(
  value: number | readonly number[] | undefined,
  length: number | undefined,
  otherwise: number,
): readonly number[] {
  if (value !== undefined && typeof value !== 'number') return value;
  return Array.from({ length: length ?? 1 }, () => value ?? otherwise);
}

function known(dims: readonly Dim[]): readonly number[] | undefined {
  const numbers = dims.filter((dim) => typeof dim === 'number');
  return numbers.length === dims.length && numbers.length > 0 ? numbers : undefined;
}
