import { has } from '../schema/message.js';
import type { NetParameter, NetState, Phase, SolverParameter } from '../schema/messages.js';
import { CaffeSolverError } from '../solver/errors.js';
import type { UpgradeOptions } from '../upgrade/upgrade.js';
import { upgradeNet } from '../upgrade/upgrade.js';
import { readNetFile } from './read.js';
import { solverNetState } from './state.js';

/** A net that a solver trains or tests, and the state to build it in. */
export interface SolverNet {
  readonly param: NetParameter;
  readonly state: NetState;
  /** Where it came from: a file, or the solver's field. */
  readonly source: string;
  /** How many batches a test takes; 0 for the train net. */
  readonly testIter: number;
}

/** How to find a solver's nets. */
export interface SolverNetOptions extends UpgradeOptions {
  /** Reads a net file; default: `readNetFile`, which takes paths as they are, relative to the working directory. */
  readonly readNet?: (file: string) => Promise<NetParameter>;
}

interface Source {
  readonly name: string;
  load(): Promise<NetParameter>;
}

class Sources {
  constructor(private readonly options: SolverNetOptions) {}

  file(name: string): Source {
    const read = this.options.readNet ?? ((file: string) => readNetFile(file, this.options));
    return { name, load: () => read(name) };
  }

  inline(name: string, param: NetParameter): Source {
    return { name, load: () => Promise.resolve(upgradeNet(param, this.options)) };
  }

  async net(source: Source, phase: Phase, testIter: number, extra?: NetState): Promise<SolverNet> {
    const param = await source.load();
    return { param, state: solverNetState(param, phase, extra), source: source.name, testIter };
  }
}

function trainSource(solver: SolverParameter, sources: Sources): Source {
  const given: Source[] = [];
  if (has(solver, 'train_net_param')) given.push(sources.inline('train_net_param', solver.train_net_param));
  if (has(solver, 'train_net')) given.push(sources.file(solver.train_net));
  if (has(solver, 'net_param')) given.push(sources.inline('net_param', solver.net_param));
  if (has(solver, 'net')) given.push(sources.file(solver.net));
  const [source] = given;
  if (given.length !== 1 || !source) {
    throw new CaffeSolverError(
      `the solver gives ${given.length} nets to train; expected exactly one of net, net_param, train_net, train_net_param`,
    );
  }
  return source;
}

function testSources(solver: SolverParameter, sources: Sources): Source[] {
  const own = [
    ...solver.test_net_param.map((param, i) => sources.inline(`test_net_param[${i}]`, param)),
    ...solver.test_net.map((file) => sources.file(file)),
  ];
  const generic = has(solver, 'net_param')
    ? sources.inline('net_param', solver.net_param)
    : has(solver, 'net')
      ? sources.file(solver.net)
      : undefined;
  const wanted = solver.test_iter.length;
  if (generic ? wanted < own.length : wanted !== own.length) {
    throw new CaffeSolverError(
      `the solver gives ${wanted} test_iter for ${own.length} test nets; expected one for each`,
    );
  }
  // What is left of test_iter tests the net that is trained, in its test phase.
  return generic ? [...own, ...Array.from({ length: wanted - own.length }, () => generic)] : own;
}

/**
 * Finds the net that a solver trains and those it tests, as Caffe does: one of `net`, `net_param`, `train_net`,
 * `train_net_param`; `test_net_param` and `test_net`, and for every further `test_iter` the train net in its test phase.
 * @throws CaffeSolverError when they are too few or too many, and what reading them throws.
 */
export async function solverNets(
  solver: SolverParameter,
  options: SolverNetOptions = {},
): Promise<{ train: SolverNet; tests: SolverNet[] }> {
  const sources = new Sources(options);
  const train = trainSource(solver, sources);
  const tests = testSources(solver, sources);
  const states = solver.test_state.length;
  if (states > 0 && states !== tests.length) {
    throw new CaffeSolverError(
      `the solver gives ${states} test_state for ${tests.length} tests; expected none, or one for each`,
    );
  }
  if (tests.length > 0 && solver.test_interval <= 0) {
    throw new CaffeSolverError(
      `test_interval is ${solver.test_interval}, with ${tests.length} tests; expected 1 or more`,
    );
  }
  return {
    train: await sources.net(train, 'TRAIN', 0, solver.train_state),
    tests: await Promise.all(
      tests.map((source, i) => sources.net(source, 'TEST', solver.test_iter[i] ?? 0, solver.test_state[i])),
    ),
  };
}
