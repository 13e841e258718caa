import { CaffeFormatError, CaffeWeightsError } from '../errors.js';
import { readHdf5State, writeHdf5State } from '../hdf5/state.js';
import type { Shape } from '../net/layer-spec.js';
import { shapeText } from '../net/shape.js';
import { create, has } from '../schema/message.js';
import { blobProto, checkBlobData, fitsShape, storedBlob } from './blob.js';
import type { StoredBlob } from './blob.js';
import { isHdf5File, readMessage, writeMessage } from './weight-file.js';

/** Where a solver stood when it was stopped. */
export interface StoredSolverState {
  readonly iter: number;
  /** The weight file that was written with it, as the run that wrote it named it. */
  readonly learnedNet: string;
  readonly currentStep: number;
  /** The solver's own arrays: momentum and the like, in the order of the net's learnable parameters, kind by kind. */
  readonly history: readonly StoredBlob[];
}

/** Reads a solverstate or solverstate.h5. @throws CaffeFileError, CaffeFormatError */
export async function readSolverState(file: string): Promise<StoredSolverState> {
  if (await isHdf5File(file)) return readHdf5State(file);
  const state = await readMessage('SolverState', file);
  // Nearly any message decodes as any other, into unknown fields; Caffe always writes the iteration.
  if (!has(state, 'iter')) throw new CaffeFormatError(file, 'holds no iteration; expected a solverstate');
  return {
    iter: state.iter,
    learnedNet: state.learned_net,
    currentStep: state.current_step,
    history: state.history.map(storedBlob),
  };
}

/**
 * The history of a solverstate as float32 arrays, once it is known to belong to this net and solver.
 * @param shapes the shapes that the solver's arrays have, in order.
 * @throws CaffeWeightsError when the state belongs to another net or another type of solver.
 */
export function solverHistory(
  state: StoredSolverState,
  shapes: readonly Shape[],
  file: string,
): Float32Array[] {
  if (state.history.length !== shapes.length) {
    throw new CaffeWeightsError(
      file,
      `the solverstate of another net or solver: its history has ${state.history.length} blobs, this solver ${shapes.length}`,
    );
  }
  return state.history.map((blob, i) => {
    const shape = shapes[i] ?? [];
    if (!fitsShape(blob, shape)) {
      throw new CaffeWeightsError(
        file,
        `the solverstate of another net: history blob ${i} has the shape ${shapeText(blob.shape)}, the net's parameter ${shapeText(shape)}`,
      );
    }
    checkBlobData(blob, `history blob ${i}`, file);
    return Float32Array.from(blob.data);
  });
}

/** What to write into a solverstate. */
export interface SolverStateInit {
  readonly iter: number;
  readonly learnedNet: string;
  readonly currentStep: number;
  readonly history: readonly { readonly shape: Shape; readonly data: Float32Array }[];
}

/**
 * Writes a solverstate, or for `hdf5` a solverstate.h5 in Caffe's layout; the file is replaced as a whole or not at all.
 * @throws CaffeFormatError beyond 2 GiB of binary, CaffeFileError
 */
export async function writeSolverState(
  file: string,
  state: SolverStateInit,
  format: 'binary' | 'hdf5',
): Promise<void> {
  if (format === 'hdf5') {
    await writeHdf5State(file, state);
    return;
  }
  const message = create('SolverState', {
    iter: state.iter,
    learned_net: state.learnedNet,
    current_step: state.currentStep,
  });
  message.history = state.history.map(({ shape, data }) => blobProto(shape, data));
  await writeMessage(file, message);
}
