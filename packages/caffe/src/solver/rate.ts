import { CaffeSolverError } from './errors.js';
import type { SolverParameter } from '../schema/messages.js';

/** The fields of a solver that decide its learning rate. */
export type RateOptions = Pick<
  SolverParameter,
  'lr_policy' | 'base_lr' | 'gamma' | 'power' | 'stepsize' | 'stepvalue' | 'max_iter'
>;

type Policy = (options: RateOptions, iteration: number, step: number) => number;

const policies: ReadonlyMap<string, Policy> = new Map<string, Policy>([
  ['fixed', ({ base_lr: base }) => base],
  ['step', ({ base_lr: base, gamma }, _, step) => base * gamma ** step],
  ['exp', ({ base_lr: base, gamma }, iteration) => base * gamma ** iteration],
  ['inv', ({ base_lr: base, gamma, power }, iteration) => base * (1 + gamma * iteration) ** -power],
  ['multistep', ({ base_lr: base, gamma }, _, step) => base * gamma ** step],
  [
    'poly',
    ({ base_lr: base, power, max_iter: max }, iteration) =>
      // In float32, as Caffe: the difference keeps the quotient's rounding.
      base * Math.fround(1 - Math.fround(iteration / max)) ** power,
  ],
  [
    'sigmoid',
    ({ base_lr: base, gamma, stepsize }, iteration) => base / (1 + Math.exp(-gamma * (iteration - stepsize))),
  ],
]);

/** The rate policies. */
export const ratePolicies: readonly string[] = [...policies.keys()];

/** @throws CaffeSolverError for a policy that does not exist or lacks what it needs */
export function checkRate(options: RateOptions): void {
  const { lr_policy: policy, stepsize, gamma } = options;
  if (!policies.has(policy)) {
    throw new CaffeSolverError(
      `lr_policy is "${policy}"; expected one of ${ratePolicies.map((name) => `"${name}"`).join(', ')}`,
    );
  }
  if (policy === 'step' && stepsize < 1) {
    throw new CaffeSolverError(`stepsize is ${stepsize}; lr_policy "step" needs 1 or more`);
  }
  if (policy !== 'fixed' && policy !== 'poly' && gamma < 0) {
    throw new CaffeSolverError(`gamma is ${gamma}; lr_policy "${policy}" needs 0 or more`);
  }
}

/**
 * How many steps down a "step" or "multistep" rate has taken by this iteration, given how many it had before: "multistep"
 * moves on by at most one stepvalue an iteration.
 */
export function stepAt(options: RateOptions, iteration: number, before: number): number {
  if (options.lr_policy === 'step') return Math.floor(iteration / options.stepsize);
  if (options.lr_policy !== 'multistep') return before;
  const next = options.stepvalue[before];
  return next !== undefined && iteration >= next ? before + 1 : before;
}

/**
 * The learning rate of an iteration, rounded to float32, with `base` = base_lr and `step` from {@link stepAt}:
 *
 * | policy | rate |
 * | --- | --- |
 * | fixed | base |
 * | step, multistep | base gamma^step |
 * | exp | base gamma^iteration |
 * | inv | base (1 + gamma iteration)^-power |
 * | poly | base (1 - iteration / max_iter)^power |
 * | sigmoid | base / (1 + exp(-gamma (iteration - stepsize))) |
 *
 * @throws CaffeSolverError for an unknown policy
 */
export function learningRate(options: RateOptions, iteration: number, step: number): number {
  checkRate(options);
  return Math.fround(policies.get(options.lr_policy)!(options, iteration, step));
}
