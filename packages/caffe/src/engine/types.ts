/** What engines take and give. */
import type { Provider } from '@softxent/backend-onnx/runtime';
import type { NetLayer } from '../net/net.js';

/** Numbers and their sizes. */
export interface Blob {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What a net is fed with: the numbers of every blob that a data layer makes, by the blob's name. */
export type Feeds = Readonly<Record<string, Float32Array | Blob>>;

/** A loss that something else computes (another backend): the graph gives the logits and takes their gradient. */
export interface ExternalLoss {
  /** Whether this loss layer is computed outside. */
  handles(layer: NetLayer): boolean;
  /** The value of the layer's first top, and the gradient of its first bottom times the top's weight in the loss. */
  compute(
    layer: NetLayer,
    bottoms: readonly Blob[],
    weight: number,
  ): Promise<{ value: number; gradient: Float32Array }>;
}

/** How a net is run. */
export interface EngineOptions {
  /** Where ONNX Runtime computes. Default `'cpu'`. There is no fallback. */
  readonly provider?: Provider;
  /** Threads inside one operator (`cpu`). Default: every core. */
  readonly threads?: number;
  /** Idle threads wait in a busy loop: faster on a quiet machine, slower on a busy one. Default true. */
  readonly spinning?: boolean;
  /** The device's number (`cuda`). */
  readonly deviceId?: number;
  /** Let nodes that the provider has no kernel for run on the CPU. Default false: such a net is an error. */
  readonly allowCpuNodes?: boolean;
  /** Decides, together with the step, what Dropout drops. Default 0. */
  readonly seed?: number;
  /** The parameters' values, one array for each of `Net.learnable`. Default: new arrays of zeros. */
  readonly params?: readonly Float32Array<ArrayBuffer>[];
  readonly externalLoss?: ExternalLoss;
  /** SigmoidCrossEntropyLoss cuts targets to integers before it compares them with ignore_label, as Caffe does. */
  readonly caffeIgnoreQuirk?: boolean;
  /** Reads the BlobProto of InfogainLoss's `source`. Default: from the file of that name. */
  readonly readBlob?: (path: string) => Promise<Pick<Blob, 'shape'> & { readonly data: Float32Array }>;
}

/** How one pass is made. */
export interface PassOptions {
  /** Names of blobs to bring along, besides the net's outputs. */
  readonly blobs?: readonly string[];
  /** The number of the pass: with the seed, it decides what Dropout drops. Default: one more than the last. */
  readonly step?: number;
}

/** What a pass gives. */
export interface Pass {
  /** The sum of all tops times their loss weights, added in float64. */
  readonly loss: number;
  /** The net's outputs and the blobs asked for, by name; an automatic top of a loss is there under `NAME(automatic)`. */
  readonly blobs: ReadonlyMap<string, Blob>;
}
