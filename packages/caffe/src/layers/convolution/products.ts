/** The three products that a convolution takes part in. */

import type { Value } from '../graph.js';
import type { Window } from './geometry.js';

/** A convolution from [N, C, input...] to [N, O, places...]. */
export interface ConvolutionSizes {
  readonly window: Window;
  readonly group: number;
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly input: readonly number[];
  readonly places: readonly number[];
}

/** What follows from x [N, C, input...], w [O, C/group, k...] and y [N, O, places...]. */
export interface ConvolutionProducts {
  /** y: sliding products of x with w, plus b [O]. */
  forward(x: Value, w: Value, b: Value | null): Value;
  /** The transpose of `forward` in x: y spread through w to the size of x, plus b [C]. */
  toInput(y: Value, w: Value, b: Value | null): Value;
  /** The transpose of `forward` in w. */
  toWeights(x: Value, y: Value): Value;
}
