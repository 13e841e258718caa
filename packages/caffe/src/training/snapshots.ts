/** Snapshots: what they are called, writing them, and continuing from them. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CaffeFileError } from '../errors.js';
import { fileError } from '../files.js';
import { has } from '../schema/message.js';
import type { SolverParameter } from '../schema/messages.js';
import type { Solver } from '../solver/index.js';
import { copyWeights } from '../weights/copy.js';
import { readSolverState, writeSolverState } from '../weights/solver-state.js';
import { readWeights, writeWeights } from '../weights/weight-file.js';

/** The two files of a snapshot, as the solver names them. */
export interface SnapshotFiles {
  readonly format: 'binary' | 'hdf5';
  readonly model: string;
  readonly state: string;
}

/** Writes a solver's snapshots. */
export class Snapshots {
  readonly #options: SolverParameter;
  readonly #folder: string;

  /** @param folder what a relative snapshot_prefix is relative to */
  constructor(options: SolverParameter, folder: string) {
    this.#options = options;
    this.#folder = folder;
  }

  /** PREFIX_iter_N.caffemodel and .solverstate, both with `.h5` for HDF5. */
  files(iteration: number): SnapshotFiles {
    const { snapshot_prefix: prefix, snapshot_format: format } = this.#options;
    const stem = `${prefix}_iter_${iteration}`;
    return format === 'HDF5'
      ? { format: 'hdf5', model: `${stem}.caffemodel.h5`, state: `${stem}.solverstate.h5` }
      : { format: 'binary', model: `${stem}.caffemodel`, state: `${stem}.solverstate` };
  }

  /** @throws CaffeFileError where snapshots cannot be written, so that it is heard of before hours of training */
  async check(): Promise<void> {
    const { snapshot_prefix: prefix } = this.#options;
    const folder = dirname(resolve(this.#folder, `${prefix}_`));
    try {
      if (!(await stat(folder)).isDirectory()) throw new CaffeFileError(folder, 'is not a folder');
      await access(folder, constants.W_OK);
    } catch (cause) {
      const { message } = cause instanceof CaffeFileError ? cause : fileError(folder, cause);
      throw new CaffeFileError(prefix, `cannot write to this snapshot_prefix: ${message}`, { cause });
    }
  }

  /** Writes both files, the weights first; each is there whole or not at all. @throws CaffeFileError */
  async write(solver: Solver): Promise<SnapshotFiles> {
    const files = this.files(solver.iteration);
    const { net, params, gradients } = solver.engine;
    const values = this.#options.snapshot_diff ? { data: params, diff: gradients } : { data: params };
    await writeWeights(resolve(this.#folder, files.model), net, values, files.format);
    const state = { ...solver.state(), learnedNet: files.model };
    await writeSolverState(resolve(this.#folder, files.state), state, files.format);
    return files;
  }
}

/**
 * Puts a solver where a solverstate says, with the weights that the state names: at the path that the run that wrote it gave,
 * relative to `folder`, else beside the state. Nothing is changed where anything does not fit.
 * @returns the file of the weights
 * @throws CaffeFileError, CaffeFormatError, CaffeWeightsError
 */
export async function resumeSolver(solver: Solver, file: string, folder: string): Promise<string> {
  const path = resolve(folder, file);
  const state = await readSolverState(path);
  const places = [resolve(folder, state.learnedNet), join(dirname(path), basename(state.learnedNet))];
  const { net, params } = solver.engine;
  if (state.learnedNet === '') {
    solver.restore(state, file);
    return '';
  }
  let weights = places[0]!;
  try {
    await access(weights);
  } catch (cause) {
    weights = places[1]!;
    await access(weights).catch(() => {
      throw new CaffeFileError(
        state.learnedNet,
        `no such file, here or beside ${file}, which names it as its weights`,
        { cause },
      );
    });
  }
  const read = await readWeights(weights);
  // The state is refused, if it is, before the weights change anything.
  const before = params.map((values) => values.slice());
  copyWeights(net, params, read);
  try {
    solver.restore(state, file);
  } catch (error) {
    for (const [i, values] of before.entries()) params[i]!.set(values);
    throw error;
  }
  return weights;
}

/**
 * The solver with the snapshot_prefix that Caffe gives it where it has none, or a folder: the name of its file.
 * @param file the solver's file, as it was named
 */
export async function withSnapshotPrefix(
  solver: SolverParameter,
  file: string,
  folder: string,
): Promise<SolverParameter> {
  const stem = file.replace(/\.[^./\\]*$/, '');
  if (!has(solver, 'snapshot_prefix')) {
    solver.snapshot_prefix = stem;
  } else {
    const isFolder = await stat(resolve(folder, solver.snapshot_prefix)).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isFolder) solver.snapshot_prefix = join(solver.snapshot_prefix, basename(stem));
  }
  return solver;
}
