/** TensorFlow.js as people use it: its own losses, differentiated by itself. */
import type * as tfc from '@tensorflow/tfjs-core';
import type { Evaluated } from '../measure/accuracy.js';
import { inputsFor, type InputKind } from '../measure/inputs.js';
import type { Workload } from '../measure/workload.js';
import { plainLoss, type Contestant, type Prepared } from './contestant.js';

/** What is used of TensorFlow.js. Gradients of its operations come with `@tensorflow/tfjs`, not with the core alone. */
export type TensorFlowLibrary = Pick<
  typeof tfc,
  | 'Reduction'
  | 'getBackend'
  | 'logSumExp'
  | 'losses'
  | 'mean'
  | 'mul'
  | 'ready'
  | 'setBackend'
  | 'sub'
  | 'sum'
  | 'tensor'
  | 'tidy'
  | 'valueAndGrad'
>;

/** How TensorFlow.js takes part. */
export interface TfjsPeerOptions {
  /** A backend that is registered; its name in reports is `tfjs-NAME`. */
  readonly backend: 'cpu' | 'wasm' | 'webgl' | 'webgpu';
  /** Loads the library, with the package that registers the backend. */
  readonly load: () => Promise<TensorFlowLibrary>;
}

// It keeps every intermediate tensor until a call is over; measured at 16 million elements.
const bytesPerElement = 120;

type Reduced = 'mean' | 'none';

function lossOf(
  tf: TensorFlowLibrary,
  workload: Workload,
  targets: tfc.Tensor,
  reduced: Reduced,
): (x: tfc.Tensor) => tfc.Tensor {
  const kind = plainLoss('tfjs', workload);
  const reduction = reduced === 'mean' ? tf.Reduction.MEAN : tf.Reduction.NONE;
  if (kind === 'sigmoid') {
    return (x) => tf.losses.sigmoidCrossEntropy(targets, x, undefined, 0, reduction);
  }
  if (workload.spec.layout === 'channels-last') {
    return (x) => tf.losses.softmaxCrossEntropy(targets, x, undefined, 0, reduction);
  }
  // Its softmax knows the last axis only.
  return (x) => {
    const rows = tf.sum(tf.mul(targets, tf.sub(tf.logSumExp(x, 1, true), x)), 1);
    return reduced === 'mean' ? tf.mean(rows) : rows;
  };
}

function tensorsOf(
  tf: TensorFlowLibrary,
  workload: Workload,
  seed: number,
  kind: InputKind,
): { logits: tfc.Tensor; targets: tfc.Tensor } {
  const inputs = inputsFor(workload, seed, kind);
  const shape = [...workload.key.shape];
  return { logits: tf.tensor(inputs.predictions, shape), targets: tf.tensor(inputs.targets, shape) };
}

function prepare(tf: TensorFlowLibrary, workload: Workload, seed: number): Prepared {
  plainLoss('tfjs', workload);
  const { logits, targets } = tensorsOf(tf, workload, seed, 'usual');
  const step = tf.valueAndGrad(lossOf(tf, workload, targets, 'mean') as (x: tfc.Tensor) => tfc.Scalar);
  return {
    async run() {
      const { value, grad } = step(logits);
      // On a GPU the gradient follows the value in the queue: it is done when one number of it has arrived.
      const [[mean = NaN]] = await Promise.all([value.data(), settled(tf, grad)]);
      value.dispose();
      grad.dispose();
      return mean;
    },
    dispose() {
      logits.dispose();
      targets.dispose();
    },
  };
}

async function settled(tf: TensorFlowLibrary, tensor: tfc.Tensor): Promise<void> {
  if (tf.getBackend() !== 'webgl' && tf.getBackend() !== 'webgpu') return;
  const first = tensor.flatten().slice(0, 1);
  await first.data();
  first.dispose();
}

/** TensorFlow.js's losses and automatic gradients. */
export function tfjsPeer({ backend, load }: TfjsPeerOptions): Contestant {
  const device = backend === 'webgl' || backend === 'webgpu' ? 'gpu' : 'cpu';
  const contestant = `tfjs-${backend}`;
  return {
    key: { contestant, role: 'peer', threads: device === 'cpu' ? 1 : null, device },
    bytesPerElement,
    async open() {
      const tf = await load();
      if (!(await tf.setBackend(backend)))
        throw new Error(`TensorFlow.js could not start its backend ${backend}`);
      await tf.ready();
      return {
        description: `TensorFlow.js ${backend}: its losses and automatic gradients`,
        async prepare(workload, seed) {
          await tf.setBackend(backend);
          const prepared = prepare(tf, workload, seed);
          return {
            ...prepared,
            // Another contestant of the same page may have switched.
            run: async () => {
              if (tf.getBackend() !== backend) await tf.setBackend(backend);
              return prepared.run();
            },
          };
        },
        async evaluate(workload, seed): Promise<Evaluated> {
          await tf.setBackend(backend);
          plainLoss('tfjs', workload);
          const { logits, targets } = tensorsOf(tf, workload, seed, 'confident');
          const loss = lossOf(tf, workload, targets, 'none');
          const values = tf.tidy(() => loss(logits));
          // The sum, so that the gradient is that of single rows.
          const { value, grad } = tf.valueAndGrad((x: tfc.Tensor) => tf.sum<tfc.Scalar>(loss(x)))(logits);
          const [valueData, gradientData] = await Promise.all([values.data(), grad.data()]);
          for (const each of [logits, targets, values, value, grad]) each.dispose();
          return { values: valueData, gradient: gradientData };
        },
        dispose: () => Promise.resolve(),
      };
    },
  };
}
