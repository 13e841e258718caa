/** Layer types that Caffe has and this package has not: nets that hold them are refused with the reason. */

import type { LayerParameter } from '../schema/messages.js';
import type { LayerType } from './layer.js';
import { layerError } from './layer.js';

const reasons: Readonly<Record<string, string>> = {
  HDF5Output: 'it writes blobs to a file while the net runs; ask the engine for the blobs instead',
  Python: 'it runs Python code',
  WindowData: 'it reads windows of images from a list; ImageData reads images',
};

export const unsupportedLayers: readonly LayerType[] = Object.entries(reasons).map(([type, reason]) => {
  const refuse = ({ layer }: { readonly layer: LayerParameter }): never => {
    throw layerError(layer, `this layer type is not supported: ${reason}`);
  };
  return { type, bottoms: {}, tops: {}, shapes: refuse, build: refuse };
});
