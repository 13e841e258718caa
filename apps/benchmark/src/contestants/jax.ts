/** jax-js: the losses from its operations, jit-compiled with their automatic gradients. */
import type * as jaxModule from '@jax-js/jax';
import type { Evaluated } from '../measure/accuracy.js';
import { inputsFor, type InputKind } from '../measure/inputs.js';
import type { Workload } from '../measure/workload.js';
import { plainLoss, type Contestant } from './contestant.js';

type Jax = Pick<typeof jaxModule, 'defaultDevice' | 'init' | 'jit' | 'nn' | 'numpy' | 'valueAndGrad'>;
type JaxArray = jaxModule.Array;

/** How jax-js takes part. */
export interface JaxPeerOptions {
  /** Its name in reports is `jax` on wasm, else `jax-webgpu`. */
  readonly device: 'wasm' | 'webgpu';
  readonly load: () => Promise<Jax>;
}

/** Losses of single rows. In jax-js an operation consumes its operands, unless `.ref` says that they are needed again. */
function rowsOf(jax: Jax, workload: Workload): (x: JaxArray, t: JaxArray) => JaxArray {
  const { nn, numpy: np } = jax;
  if (plainLoss('jax-js', workload) === 'sigmoid') {
    // Not optax's form, by logSigmoid: jax-js's overflows, and its gradient is NaN, where |x| exceeds 88.
    return (x, t) => {
      const tail = np.log1p(np.exp(np.abs(x.ref).neg()));
      return np.maximum(x.ref, 0).sub(x.mul(t)).add(tail);
    };
  }
  const axis = workload.spec.layout === 'nchw' ? 1 : -1;
  return (x, t) => np.sum(t.mul(nn.logSoftmax(x, axis)), axis).neg();
}

function arraysOf(
  { numpy: np }: Jax,
  workload: Workload,
  seed: number,
  kind: InputKind,
): { x: JaxArray; t: JaxArray } {
  const { predictions, targets } = inputsFor(workload, seed, kind);
  const shape = [...workload.key.shape];
  return { x: np.array(predictions, { shape }), t: np.array(targets, { shape }) };
}

/** jax-js with jit and valueAndGrad. */
export function jaxPeer({ device, load }: JaxPeerOptions): Contestant {
  const contestant = device === 'wasm' ? 'jax' : 'jax-webgpu';
  const isGpu = device === 'webgpu';
  return {
    key: { contestant, role: 'peer', threads: isGpu ? null : 1, device: isGpu ? 'gpu' : 'cpu' },
    // Measured at 16 million elements.
    bytesPerElement: 110,
    async open() {
      const jax = await load();
      const devices = await jax.init(device);
      if (!devices.includes(device)) throw new Error(`jax-js has no device ${device} here`);
      jax.defaultDevice(device);
      return {
        description: `jax-js ${device}: jit(valueAndGrad(...))`,
        async prepare(workload, seed) {
          const rows = rowsOf(jax, workload);
          const step = jax.jit(jax.valueAndGrad((x: JaxArray, t: JaxArray) => jax.numpy.mean(rows(x, t))));
          const { x, t } = arraysOf(jax, workload, seed, 'usual');
          return {
            async run() {
              jax.defaultDevice(device);
              const [value, gradient] = step(x.ref, t.ref);
              await gradient.blockUntilReady();
              gradient.dispose();
              return (await value.data())[0] as number;
            },
            dispose() {
              step.dispose();
              x.dispose();
              t.dispose();
            },
          };
        },
        async evaluate(workload, seed): Promise<Evaluated> {
          jax.defaultDevice(device);
          const rows = rowsOf(jax, workload);
          const { x, t } = arraysOf(jax, workload, seed, 'confident');
          const values = (await rows(x.ref, t.ref).data()) as Float32Array;
          const step = jax.valueAndGrad((a: JaxArray, b: JaxArray) => jax.numpy.sum(rows(a, b)));
          const [sum, gradient] = step(x, t);
          sum.dispose();
          return { values, gradient: (await gradient.data()) as Float32Array };
        },
        dispose: () => Promise.resolve(),
      };
    },
  };
}
