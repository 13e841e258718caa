/** What the page and the thread that conducts a run say to each other. */
import type { Layout, Limit, Noise, Row } from '../../src/model.js';

/** What was chosen in the form. */
export interface Request {
  /** Kinds of losses. */
  readonly losses: readonly string[];
  readonly sizes: readonly number[];
  readonly layouts: readonly Layout[];
  readonly classes: number;
  /** Ids of the catalogue. */
  readonly contestants: readonly string[];
  /** Of contestants with several threads. */
  readonly threads: number;
  readonly seed: number;
  readonly rounds: number;
  readonly secondsPerWorkload: number;
  readonly memoryBytes: number;
}

/** To the conductor. */
export type Order = { readonly type: 'run'; readonly request: Request } | { readonly type: 'cancel' };

/** From the conductor. `limits` and `rows` are those that are new. */
export type News =
  | {
      readonly type: 'progress';
      readonly fraction: number;
      readonly doing: string;
      readonly rows: readonly Row[];
      readonly limits: readonly Limit[];
    }
  | { readonly type: 'done'; readonly noise: Noise }
  | { readonly type: 'cancelled' }
  | { readonly type: 'failed'; readonly message: string };
