/** What has to be known of a TensorFlow.js backend's kernels to render a plan right. Measured with version 4.22. */
export interface Dialect {
  /**
   * Whether exp, log and pow are right to a few ulp and keep NaN and infinities; else they are composed (see `elementary.ts`).
   * WebGL and WebGPU promise little: over SwiftShader exp is 63 ulp off, log 22,000 just below 1 and -88 for 0, and WebGPU's exp of NaN
   * is Infinity.
   */
  readonly exactFunctions: boolean;
  /** Whether log1p is right to a few ulp. The wasm backend's is log(1 + a), which is 0 below 6e-8. */
  readonly exactLog1p: boolean;
  /** Whether a / b is NaN for 0 / 0 and Infinity / Infinity. The webgl backend gives 1 for whatever is equal. */
  readonly exactDivision: boolean;
  /** Whether tf.max may be -Infinity. The webgl backend's is never below -1e20. */
  readonly exactMax: boolean;
  /** Whether tf.sum adds in double precision; else sums are added by halves, so that their error does not grow. */
  readonly wideSums: boolean;
}
