/** What every contestant computes is the loss, whatever it costs. */
import { cpu } from '@softxent/backend-cpu';
import { onnx } from '@softxent/backend-onnx';
import { wasm } from '@softxent/backend-wasm';
import { describe, expect, it } from 'vitest';
import { accuracyWorkload, Referee, type Evaluated } from '../measure/accuracy.js';
import { inputsFor } from '../measure/inputs.js';
import { limitSpec } from '../measure/limits.js';
import { workloadOf, type Workload, type WorkloadSpec } from '../measure/workload.js';
import { NotComparableError, type Contestant } from './contestant.js';
import { jaxPeer } from './jax.js';
import { ortPeer } from './ort.js';
import { softxent } from './softxent.js';
import { tfjsPeer } from './tfjs.js';
import { typescriptPeer } from './typescript.js';

// One for all: it keeps what the reference computed.
const referee = new Referee(7);
const cpuKey = { threads: 1, device: 'cpu' } as const;

const backends: readonly Contestant[] = [
  softxent({ key: { ...cpuKey, contestant: 'cpu' }, backend: () => cpu() }),
  softxent({ key: { ...cpuKey, contestant: 'wasm' }, backend: () => wasm({ threads: 1 }) }),
  softxent({
    key: { ...cpuKey, contestant: 'onnx-cpu' },
    backend: () => onnx({ provider: 'cpu', threads: 1 }),
  }),
];

const loadTf = () => import('@tensorflow/tfjs');
const peers: readonly Contestant[] = [
  typescriptPeer(),
  tfjsPeer({ backend: 'cpu', load: loadTf }),
  tfjsPeer({
    backend: 'wasm',
    load: async () => {
      await import('@tensorflow/tfjs-backend-wasm');
      return loadTf();
    },
  }),
  ortPeer({
    name: 'ort',
    provider: 'cpu',
    threads: 1,
    load: () => import('onnxruntime-node'),
  }),
  jaxPeer({ device: 'wasm', load: () => import('@jax-js/jax') }),
];

const spec = (kind: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  loss: JSON.stringify({ kind }),
  layout: 'flat',
  elements: 4000,
  classes: 7,
  ...more,
});

const plain: readonly WorkloadSpec[] = [
  spec('sigmoidCrossEntropy'),
  spec('softmaxCrossEntropy', { layout: 'channels-last' }),
  spec('softmaxCrossEntropy', { layout: 'nchw' }),
];
const others: readonly WorkloadSpec[] = [
  spec('qualityFocal'),
  spec('binaryCrossEntropy'),
  spec('categoricalCrossEntropy', { layout: 'nchw' }),
  spec('diceSemimetric', { layout: 'nchw' }),
  spec('dice', { layout: 'channels-last' }),
];

const nameOf = ({ loss, layout }: WorkloadSpec): string =>
  `${(JSON.parse(loss) as { kind: string }).kind}, ${layout}`;

const evaluate = async (contestant: Contestant, workload: Workload): Promise<Evaluated> => {
  const opened = await contestant.open();
  try {
    return await opened.evaluate(accuracyWorkload(workload), 7);
  } finally {
    await opened.dispose();
  }
};

for (const contestant of [...backends, ...peers]) {
  const { role, contestant: name } = contestant.key;
  const workloads = (role === 'backend' ? [...plain, ...others] : plain).map((each) => workloadOf(each));
  const additive = workloads.filter(({ granularity }) => granularity !== 'region');
  describe(`${role} ${name}`, () => {
    it.each(additive.map((workload) => [nameOf(workload.spec), workload] as const))(
      'computes the mean of %s as the reference does, every time',
      async (_, workload) => {
        const opened = await contestant.open();
        const prepared = await opened.prepare(workload, 7);
        const mean = await prepared.run();
        expect(await prepared.run()).toBe(mean);
        await prepared.dispose();
        await opened.dispose();
        // Peers add up in float32.
        expect(referee.meanError(workload, mean)).toBeLessThan(role === 'backend' ? 1e-6 : 1e-4);
      },
    );
  });
}

for (const backend of backends) {
  it.each([...plain, ...others].map((each) => [nameOf(each), workloadOf(each)] as const))(
    `${backend.key.contestant} keeps the digits of %s on confident logits`,
    async (_, workload) => {
      const { valueUlp, gradientUlp } = referee.judge(workload, await evaluate(backend, workload));
      // The least exact of these promises 8 for values and 12 for gradients.
      expect(valueUlp).toBeLessThanOrEqual(8);
      expect(gradientUlp).toBeLessThanOrEqual(12);
    },
  );
}

for (const peer of peers) {
  it.each(plain.map((each) => [nameOf(each), workloadOf(each)] as const))(
    `${peer.key.contestant} gives values and gradients of the single rows of %s`,
    async (_, workload) => {
      const [got, expected] = await Promise.all([evaluate(peer, workload), evaluate(backends[0]!, workload)]);
      expect(got.values).toHaveLength(expected.values.length);
      // Digits are lost, a hundredth is not.
      expect(farthest(got.gradient, expected.gradient)).toBeLessThan(0.01);
      expect(farthest(got.values, expected.values)).toBeLessThan(1);
    },
  );
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, each, i) => Math.max(most, Math.abs(each - b[i]!)), 0);
}

describe('peers', () => {
  it('the usual form loses digits at confident logits, more of them in float32 than in float64', async () => {
    const workload = workloadOf(plain[0]!);
    const ulpOf = async (peer: Contestant): Promise<number> =>
      Number(referee.judge(workload, await evaluate(peer, workload)).valueUlp);
    const [loop, library] = [await ulpOf(peers[0]!), await ulpOf(peers[2]!)];
    expect(library).toBeGreaterThan(1e5);
    expect(loop).toBeLessThan(library);
  });

  it.each(peers.map((peer) => [peer.key.contestant, peer] as const))(
    '%s refuses a loss that it has no form of, and says so',
    async (_, peer) => {
      const opened = await peer.open();
      await expect(opened.prepare(workloadOf(spec('dice', { layout: 'nchw' })), 1)).rejects.toThrow(
        NotComparableError,
      );
    },
  );
});

describe('the limits', () => {
  it.each(['copy', 'triad'] as const)(
    '%s writes the gradient that it says, so that it moves those bytes',
    async (kernel) => {
      const workload = workloadOf(limitSpec(kernel, 1000));
      const opened = await backends[1]!.open();
      const { gradient } = await opened.evaluate(workload, 3);
      const { predictions, targets } = inputsFor(workload, 3, 'confident');
      const expected = predictions.map((x, i) => (kernel === 'copy' ? x : x + 2 * targets[i]!));
      expect([...(gradient as Float32Array)]).toEqual([...expected]);
      await opened.dispose();
    },
  );
});
