/**
 * The part of onnxruntime-common's interface that is used. Written out because its own declarations need the types of a browser's
 * document, which a program for Node does not have.
 */

/** A tensor of ONNX Runtime. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly location: string;
  readonly data: ArrayBufferView;
  getData(releaseData?: boolean): Promise<ArrayBufferView>;
  dispose(): void;
}

/** A loaded graph of ONNX Runtime. */
export interface OrtInferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
  endProfiling(): void;
  release(): Promise<void>;
}

/** How ONNX Runtime loads a graph. */
export interface OrtSessionOptions {
  executionProviders?: readonly (string | { readonly name: string; readonly [option: string]: unknown })[];
  graphOptimizationLevel?: 'disabled' | 'basic' | 'extended' | 'all';
  intraOpNumThreads?: number;
  logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  freeDimensionOverrides?: Readonly<Record<string, number>>;
  enableProfiling?: boolean;
  profileFilePrefix?: string;
  preferredOutputLocation?: string | Readonly<Record<string, string>>;
  extra?: Readonly<Record<string, unknown>>;
}

/** onnxruntime-node or onnxruntime-web. */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: OrtSessionOptions): Promise<OrtInferenceSession>;
  };
  readonly Tensor: {
    new (type: string, data: ArrayBufferView, dims: readonly number[]): OrtTensor;
    fromGpuBuffer(buffer: object, options: { dataType: string; dims: readonly number[] }): OrtTensor;
  };
  readonly env: {
    readonly wasm: { numThreads?: number; wasmPaths?: unknown; proxy?: boolean };
    readonly webgpu: { readonly device?: Promise<unknown> };
  };
}
