import type { Pass } from '../engine/index.js';
import { AUTOMATIC_TOP } from '../net/build.js';
import type { Net } from '../net/net.js';
import type { ClassTotals } from './constant.js';
import { ConstantPrediction } from './constant.js';
import type { OutputValue } from './events.js';

/** Every number that a net gives out, blob by blob in Caffe's order. */
export function outputValues(net: Net, { blobs }: Pick<Pass, 'blobs'>): OutputValue[] {
  return net.outputs.flatMap((id) => {
    const { name, lossWeight: weight } = net.blobs[id]!;
    const maker = net.layers.findLast(({ tops }) => tops.includes(id));
    const found =
      blobs.get(name === AUTOMATIC_TOP ? `${maker?.name}${AUTOMATIC_TOP}` : name) ?? blobs.get(name);
    return Array.from(found?.data ?? [], (value) => ({ blob: name, value, weight }));
  });
}

/** Means over batches. */
export interface Means {
  readonly outputs: OutputValue[];
  readonly loss: number;
  readonly floor: number | undefined;
  /** The loss that the best constant prediction would have. */
  readonly constant: number | undefined;
}

/** Adds up outputs batch by batch. */
export class OutputMeans {
  #sums: { blob: string; value: number; weight: number }[] = [];
  #loss = 0;
  #floor: number | undefined = 0;
  #batches = 0;
  readonly #constant = new ConstantPrediction();

  add(
    outputs: readonly OutputValue[],
    loss: number,
    { floor, totals }: { readonly floor: number | undefined; readonly totals: ClassTotals | undefined },
  ): void {
    this.#constant.add(totals);
    if (this.#batches === 0) this.#sums = outputs.map((output) => ({ ...output }));
    else for (const [i, { value }] of outputs.entries()) if (this.#sums[i]) this.#sums[i].value += value;
    this.#loss += loss;
    this.#floor = floor === undefined || this.#floor === undefined ? undefined : this.#floor + floor;
    this.#batches++;
  }

  /** The means over the batches. */
  get means(): Means {
    const by = Math.max(1, this.#batches);
    return {
      outputs: this.#sums.map((sum) => ({ ...sum, value: sum.value / by })),
      loss: this.#loss / by,
      floor: this.#floor === undefined ? undefined : this.#floor / by,
      constant: this.#constant.loss,
    };
  }
}
