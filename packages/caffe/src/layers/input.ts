/** Layers that bring blobs into a net: Input, the data layers, and Parameter. */

import { create } from '../schema/message.js';
import type { BlobShape, LayerParameter } from '../schema/messages.js';
import { count, range } from './graph.js';
import type { LayerInputs, LayerShapes, LayerType } from './layer.js';
import { layerError } from './layer.js';

const dimsOf = (shape: BlobShape): number[] => shape.dim.map(Number);

/** One shape for every top, or one for all of them. */
function perTop(
  layer: LayerParameter,
  what: string,
  shapes: readonly (readonly number[])[],
  tops: number,
): LayerShapes {
  if (shapes.length !== 1 && shapes.length !== tops) {
    throw layerError(layer, `${shapes.length} ${what} for ${tops} tops; give one for all, or one for each`);
  }
  return { tops: range(tops).map((i) => shapes[shapes.length === 1 ? 0 : i]!), params: [] };
}

/** A layer whose tops are fed from outside. */
function source(
  type: string,
  shapes: (inputs: LayerInputs) => LayerShapes,
  tops: LayerType['tops'] = { min: 1 },
): LayerType {
  return {
    type,
    bottoms: { exact: 0 },
    tops,
    shapes: (inputs) => (inputs.given ? { tops: inputs.given, params: [] } : shapes(inputs)),
    build({ layer }) {
      throw layerError(layer, 'is fed from outside the graph and has no nodes');
    },
  };
}

const unknown = (inputs: LayerInputs): never =>
  inputs.fail('the shapes of its data are not known; open its data source first');

export const input = source('Input', ({ layer, topCount }) =>
  layer.input_param.shape.length === 0
    ? { tops: range(topCount).map(() => []), params: [] }
    : perTop(layer, 'shapes', layer.input_param.shape.map(dimsOf), topCount),
);

const dummyData = source('DummyData', ({ layer, topCount }) => {
  const { shape, num, channels, height, width } = layer.dummy_data_param;
  if (shape.length > 0) return perTop(layer, 'shapes', shape.map(dimsOf), topCount);
  const legacy = num.map((n, i) => [n, channels[i] ?? 0, height[i] ?? 0, width[i] ?? 0]);
  return perTop(layer, 'num, channels, height and width', legacy, topCount);
});

const memoryData = source(
  'MemoryData',
  ({ layer }) => {
    const { batch_size: n, channels, height, width } = layer.memory_data_param;
    if (n * channels * height * width === 0) {
      throw layerError(layer, 'batch_size, channels, height and width must be given and positive');
    }
    return { tops: [[n, channels, height, width], [n]], params: [] };
  },
  { exact: 2 },
);

/** A parameter as a blob. */
export const parameter: LayerType = {
  type: 'Parameter',
  bottoms: { exact: 0 },
  tops: { exact: 1 },
  shapes({ layer }) {
    const shape = dimsOf(layer.parameter_param.shape);
    if (count(shape) < 1) throw layerError(layer, 'parameter_param.shape holds no elements');
    return { tops: [shape], params: [{ shape, filler: create('FillerParameter', {}) }] };
  },
  build: ({ params }) => ({
    tops: [params[0]!],
    backward: ([dy]) => ({ bottoms: [], params: [dy ?? null] }),
  }),
};

/** The layers whose tops are fed from outside. */
export const sources: readonly LayerType[] = [
  input,
  dummyData,
  memoryData,
  source('HDF5Data', unknown),
  source('Data', unknown, { min: 1, max: 2 }),
  source('ImageData', unknown, { exact: 2 }),
  source('ImageLabelmapData', unknown, { exact: 2 }),
];
