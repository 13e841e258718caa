/** What has to be known of a TensorFlow.js backend's kernels to render a plan right. */
export interface Dialect {
  /** Whether log1p is right to a few ulp. The wasm backend's is log(1 + a), which is 0 below 6e-8. */
  readonly exactLog1p: boolean;
  /** Whether exp, log and pow are right to a few ulp and keep NaN and infinities; else they are composed (see `functions.ts`). */
  readonly exactFunctions: boolean;
  /** Whether tf.sum adds in double precision; else sums are added by halves, so that their error does not grow. */
  readonly wideSums: boolean;
}
