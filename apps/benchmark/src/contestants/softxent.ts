/** Any backend of softxent, built in or a plugin. */
import { f32, open, tensor, type Backend, type DeviceTensor, type Session } from '@softxent/core';
import { inputsFor } from '../measure/inputs.js';
import type { Workload } from '../measure/workload.js';
import type { ContestantKey } from '../model.js';
import type { Contestant, Opened, Prepared } from './contestant.js';

/** How a backend takes part. */
export interface SoftxentOptions {
  readonly key: Omit<ContestantKey, 'role'>;
  /** Default 32: operands, gradient and as much again. */
  readonly bytesPerElement?: number;
  /** Makes the backend. */
  readonly backend: () => Backend | Promise<Backend>;
}

/** A backend as a contestant: operands stay where its session keeps them, the gradient is written into a tensor there. */
export function softxent({ key, backend, bytesPerElement = 32 }: SoftxentOptions): Contestant {
  return {
    key: { ...key, role: 'backend' },
    bytesPerElement,
    async open(): Promise<Opened> {
      const session = await open(await backend());
      return {
        description: session.description,
        prepare: (workload, seed) => prepare(session, workload, seed),
        async evaluate(workload, seed) {
          const { predictions, targets } = inputsFor(workload, seed, 'confident');
          const { shape } = workload.key;
          const name = workload.prediction;
          const operands = { [name]: tensor(predictions, shape), targets: tensor(targets, shape) };
          const { value, gradients } = await session.valueAndGrad(workload.lossFor('none'), operands);
          const values = value as { data: ArrayLike<number> };
          const gradient = gradients[name] as { data: ArrayLike<number> };
          return { values: values.data, gradient: gradient.data };
        },
        dispose: () => session.dispose(),
      };
    },
  };
}

async function prepare(session: Session, workload: Workload, seed: number): Promise<Prepared> {
  const spec = f32(workload.key.shape);
  const { prediction, targets } = await operandsOf(session, workload, seed);
  const gradient = session.allocate(spec);
  const step = await session.compile(workload.lossFor('mean'), {
    [workload.prediction]: spec,
    targets: spec,
  });
  const operands = { [workload.prediction]: prediction, targets };
  const into = { gradients: { [workload.prediction]: gradient } };
  return {
    run: async () => (await step.run(operands, { into })).value as number,
    async dispose() {
      await step.dispose();
      for (const each of [prediction, targets, gradient]) each.free();
    },
  };
}

interface OnDevice {
  readonly prediction: DeviceTensor;
  readonly targets: DeviceTensor;
}

/** Fills the session's own memory where the host sees it, so that no second copy of the operands counts as its need. */
async function operandsOf(session: Session, workload: Workload, seed: number): Promise<OnDevice> {
  const { shape } = workload.key;
  const prediction = session.allocate(f32(shape));
  const targets = session.allocate(f32(shape));
  // The second allocation may have moved the memory, so both views are taken now.
  const views = [prediction.view(), targets.view()];
  if (views[0] !== undefined && views[1] !== undefined) {
    inputsFor(workload, seed, 'usual', { predictions: views[0], targets: views[1] });
    return { prediction, targets };
  }
  prediction.free();
  targets.free();
  const inputs = inputsFor(workload, seed, 'usual');
  return {
    prediction: await session.upload(tensor(inputs.predictions, shape)),
    targets: await session.upload(tensor(inputs.targets, shape)),
  };
}
