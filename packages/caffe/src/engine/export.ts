import type { LayerHost } from '../layers/index.js';
import type { Net } from '../net/net.js';
import { compileNet } from './compile.js';

/** What goes into an exported model. */
export interface ExportNetOptions {
  /** Blobs to give out instead of the net's outputs. */
  readonly outputs?: readonly string[];
  readonly host?: LayerHost;
}

/**
 * The inference net as an ONNX model that any ONNX runtime can run: the bytes of an .onnx file. Inputs and outputs have the
 * names of their blobs, weights those of their layers (`conv1/0`). Build the net for the phase TEST.
 *
 * @param params the parameters' values, one array for each of `Net.learnable`
 * @throws CaffeNetError for a layer that cannot be computed, naming it, its type and its line
 */
export function exportNet(
  net: Net,
  params: readonly Float32Array[],
  { outputs, host }: ExportNetOptions = {},
): Uint8Array<ArrayBuffer> {
  const compiled = compileNet(net, {
    backward: false,
    weights: params,
    ...(outputs && { blobs: outputs, only: true }),
    ...(host && { host }),
  });
  return compiled.graph.builder.toBytes();
}
