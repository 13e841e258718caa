import { CaffeNetError } from '../errors.js';
import { clear, clone, create, has, setSource, sourceOf } from '../schema/message.js';
import type { NetParameter, SolverParameter } from '../schema/messages.js';
import { SOLVER_TYPES } from './names.js';
import { upgradeV0 } from './v0.js';
import { needsTransformUpgrade, upgradeTransforms, upgradeV1 } from './v1.js';

/** How to upgrade. */
export interface UpgradeOptions {
  /** Told about what the newer format has no place for. */
  readonly onWarning?: (message: string) => void;
}

/** The generation of the format that a net is written in: V0 (until 2014), V1 (until 2015) or today's. */
export function netGeneration(net: NetParameter): 'V0' | 'V1' | 'V2' {
  if (net.layers.some((layer) => has(layer, 'layer'))) return 'V0';
  return net.layers.length > 0 ? 'V1' : 'V2';
}

/** What Caffe would upgrade in a net when reading it; empty for a net of today. */
export function netUpgrades(net: NetParameter): string[] {
  const upgrades: string[] = [];
  const generation = netGeneration(net);
  if (generation === 'V0') upgrades.push('V0 layers');
  if (needsTransformUpgrade(net)) upgrades.push('transformations in data parameters');
  if (generation !== 'V2') upgrades.push('V1 layers');
  if (net.input.length > 0) upgrades.push('input fields');
  if (net.layer.some((layer) => layer.type === 'BatchNorm' && layer.param.length === 3))
    upgrades.push('BatchNorm parameters');
  return upgrades;
}

/** `input`, `input_shape` and `input_dim` become an Input layer named `input` in front of the net. */
function upgradeInputs(net: NetParameter): NetParameter {
  const to = clone(net);
  for (const field of ['input', 'input_shape', 'input_dim'] as const) clear(to, field);
  const withShapes = net.input_shape.length > 0;
  if (!withShapes && net.input_dim.length === 0) return to;
  const found = withShapes ? net.input_shape.length : net.input_dim.length;
  const needed = withShapes ? net.input.length : net.input.length * 4;
  if (found < needed) {
    throw new CaffeNetError(
      `the net has ${net.input.length} input fields and ${found} of ${withShapes ? 'input_shape' : 'input_dim'}, where ${needed} are needed`,
    );
  }
  const layer = create('LayerParameter', {
    name: 'input',
    type: 'Input',
    top: net.input,
    input_param: {
      shape: net.input.map((_, i) =>
        withShapes
          ? clone(net.input_shape[i] ?? create('BlobShape'))
          : { dim: net.input_dim.slice(i * 4, i * 4 + 4).map(BigInt) },
      ),
    },
  });
  setSource(layer, sourceOf(net));
  to.layer = [layer, ...to.layer];
  return to;
}

/** BatchNorm once asked for three `param { lr_mult: 0 }`; now the layer sees to it itself. */
function upgradeBatchNorm(net: NetParameter): NetParameter {
  const to = clone(net);
  for (const layer of to.layer) {
    if (layer.type !== 'BatchNorm' || layer.param.length !== 3) continue;
    for (const param of layer.param) {
      param.lr_mult = 0;
      param.decay_mult = 0;
    }
  }
  return to;
}

/**
 * Upgrades a net of any generation, text or weights, to today's format, exactly as Caffe does when it reads one. The
 * argument is left as it is; a net that needs nothing is returned itself.
 * @throws CaffeNetError for a net that mixes generations or has a layer type that no generation knew.
 */
export function upgradeNet(net: NetParameter, options: UpgradeOptions = {}): NetParameter {
  const warn = options.onWarning ?? (() => {});
  let to = net;
  if (netGeneration(to) === 'V0') to = upgradeV0(to, warn);
  if (needsTransformUpgrade(to)) to = upgradeTransforms(to);
  if (to.layers.length > 0) to = upgradeV1(to, warn);
  if (to.input.length > 0) to = upgradeInputs(to);
  if (to.layer.some((layer) => layer.type === 'BatchNorm' && layer.param.length === 3))
    to = upgradeBatchNorm(to);
  return to;
}

/**
 * Upgrades a solver: the enum `solver_type` becomes the name `type`. A solver that needs nothing is returned itself.
 * @throws CaffeNetError when both are given.
 */
export function upgradeSolver(solver: SolverParameter): SolverParameter {
  if (!has(solver, 'solver_type')) return solver;
  if (has(solver, 'type')) {
    throw new CaffeNetError(
      `the solver gives both solver_type (${solver.solver_type}, the old field) and type ("${solver.type}"): leave solver_type out`,
    );
  }
  const to = clone(solver);
  clear(to, 'solver_type');
  to.type = SOLVER_TYPES[solver.solver_type];
  return to;
}
