import { activations } from './activation.js';
import { convolutionLayers } from './convolution/layers.js';
import { elementwiseLayers } from './elementwise.js';
import { innerProductLayers } from './inner-product.js';
import { parameter, sources } from './input.js';
import type { LayerType } from './layer.js';
import { lossLayers } from './losses/index.js';
import { normalisationLayers } from './normalisation.js';
import { poolingLayers } from './pooling/layers.js';
import { recurrentLayers } from './recurrent/layers.js';
import { reductionLayers } from './reduction.js';
import { selectLayers } from './select.js';
import { shapeLayers } from './shape.js';
import { unsupportedLayers } from './unsupported.js';

export type { LayerForward, LayerHost, LayerType } from './layer.js';

/** Every layer type that nets can hold, by Caffe's name, and those that are refused with a reason. */
export const layerTypes: ReadonlyMap<string, LayerType> = new Map(
  [
    ...sources,
    parameter,
    ...activations,
    ...convolutionLayers,
    ...elementwiseLayers,
    ...innerProductLayers,
    ...lossLayers,
    ...normalisationLayers,
    ...poolingLayers,
    ...recurrentLayers,
    ...reductionLayers,
    ...selectLayers,
    ...shapeLayers,
    ...unsupportedLayers,
  ].map((type) => [type.type, type]),
);

const fed = new Set(sources.map(({ type }) => type));

/** Whether a layer's tops are fed from outside the graph. */
export const isSource = (type: string): boolean => fed.has(type);
