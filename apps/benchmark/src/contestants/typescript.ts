/** The loop that one writes without a library, with the form of the formula that stands in most of them. */
import type { Evaluated } from '../measure/accuracy.js';
import { inputsFor } from '../measure/inputs.js';
import type { Workload } from '../measure/workload.js';
import { plainLoss, type Contestant } from './contestant.js';

const name = 'typescript';

/** Where the loop reads and writes. `values`: the losses of single rows, where they are wanted. */
interface Arrays {
  readonly logits: Float32Array;
  readonly targets: Float32Array;
  readonly gradient: Float32Array;
  readonly values?: Float32Array;
}

/** max(x, 0) - x t + log(1 + exp(-|x|)) and 1/(1 + exp(-x)) - t. */
function sigmoidLoop({ logits, targets, gradient, values }: Arrays, factor: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    const t = targets[i]!;
    const loss = Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x)));
    sum += loss;
    gradient[i] = factor * (1 / (1 + Math.exp(-x)) - t);
    if (values !== undefined) values[i] = loss;
  }
  return sum * factor;
}

/** -sum t log softmax(x) and softmax(x) sum t - t, along an axis whose elements are `stride` apart. */
function softmaxLoop(
  { logits, targets, gradient, values }: Arrays,
  { rows, width, stride }: { rows: number; width: number; stride: number },
  factor: number,
): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    const from = stride === 1 ? row * width : row;
    let top = -Infinity;
    for (let c = 0; c < width; c++) top = Math.max(top, logits[from + c * stride]!);
    let total = 0;
    let weight = 0;
    for (let c = 0; c < width; c++) {
      total += Math.exp(logits[from + c * stride]! - top);
      weight += targets[from + c * stride]!;
    }
    const logTotal = Math.log(total);
    let loss = 0;
    for (let c = 0; c < width; c++) {
      const at = from + c * stride;
      const logProbability = logits[at]! - top - logTotal;
      loss -= targets[at]! * logProbability;
      gradient[at] = factor * (Math.exp(logProbability) * weight - targets[at]!);
    }
    sum += loss;
    if (values !== undefined) values[row] = loss;
  }
  return sum * factor;
}

function loopFor(workload: Workload): (arrays: Arrays, factor: number) => number {
  if (plainLoss(name, workload) === 'sigmoid') return sigmoidLoop;
  const { rows, width, spec } = workload;
  const layout = { rows, width, stride: spec.layout === 'nchw' ? rows : 1 };
  return (arrays, factor) => softmaxLoop(arrays, layout, factor);
}

/** A straightforward TypeScript loop over typed arrays. */
export function typescriptPeer(): Contestant {
  return {
    key: { contestant: name, role: 'peer', threads: 1, device: 'cpu' },
    bytesPerElement: 16,
    open: () =>
      Promise.resolve({
        description: 'a loop over typed arrays with Math.exp and Math.log1p',
        async prepare(workload, seed) {
          const loop = loopFor(workload);
          const { predictions: logits, targets } = inputsFor(workload, seed, 'usual');
          const arrays = { logits, targets, gradient: new Float32Array(logits.length) };
          return { run: () => loop(arrays, 1 / workload.rows), dispose: () => undefined };
        },
        async evaluate(workload, seed): Promise<Evaluated> {
          const { predictions: logits, targets } = inputsFor(workload, seed, 'confident');
          const gradient = new Float32Array(logits.length);
          const values = new Float32Array(workload.rows);
          loopFor(workload)({ logits, targets, gradient, values }, 1);
          return { values, gradient };
        },
        dispose: () => Promise.resolve(),
      }),
  };
}
