import { encodeUtf8 } from '../binary/utf8.js';
import { CaffeFormatError } from '../errors.js';
import type { StoredBlob } from '../weights/blob.js';
import type { SolverStateInit, StoredSolverState } from '../weights/solver-state.js';
import { Dataset, Group, makeHdf5, numbersOf, putFloats, withHdf5 } from './library.js';
import type { Hdf5File } from './library.js';

function datasetOf(file: string, root: Hdf5File, name: string): Dataset {
  const found = root.get(name);
  if (!(found instanceof Dataset)) {
    throw new CaffeFormatError(
      file,
      `has no data set '${name}' (it has ${root.keys().join(', ') || 'nothing'}); expected a solverstate.h5`,
    );
  }
  return found;
}

function readHistory(file: string, history: Group): StoredBlob[] {
  const names = history.keys();
  return names.map((_, i) => {
    const dataset = history.get(String(i));
    if (!(dataset instanceof Dataset))
      throw new CaffeFormatError(file, `has no data set 'history/${i}', of ${names.length}`);
    return {
      shape: [...(dataset.shape ?? [])],
      legacy: false,
      data: numbersOf(file, `history/${i}`, dataset),
      diff: undefined,
    };
  });
}

/**
 * Reads a solverstate.h5: data sets `iter`, `current_step`, `learned_net`, and a group `history` with 0, 1, ... .
 * @throws CaffeFileError, CaffeFormatError
 */
export async function readHdf5State(file: string): Promise<StoredSolverState> {
  return withHdf5(file, (root) => {
    const history = root.get('history');
    if (!(history instanceof Group)) {
      throw new CaffeFormatError(
        file,
        `has no group 'history' (it has ${root.keys().join(', ') || 'nothing'}); expected a solverstate.h5`,
      );
    }
    const whole = (name: string) => numbersOf(file, name, datasetOf(file, root, name))[0] ?? 0;
    const learned = root.get('learned_net');
    return {
      iter: whole('iter'),
      currentStep: whole('current_step'),
      learnedNet: learned instanceof Dataset && typeof learned.value === 'string' ? learned.value : '',
      history: readHistory(file, history),
    };
  });
}

/** Writes a solverstate.h5 as Caffe does. @throws CaffeFileError */
export async function writeHdf5State(file: string, state: SolverStateInit): Promise<void> {
  await makeHdf5(file, (root) => {
    root.create_dataset({ name: 'iter', data: Int32Array.of(state.iter), shape: [1], dtype: '<i' });
    // Caffe reads the string up to its terminating 0, which must be there.
    const length = encodeUtf8(state.learnedNet).length + 1;
    root.create_dataset({ name: 'learned_net', data: state.learnedNet, shape: [], dtype: `A${length}` });
    root.create_dataset({
      name: 'current_step',
      data: Int32Array.of(state.currentStep),
      shape: [1],
      dtype: '<i',
    });
    const history = root.create_group('history');
    for (const [i, { shape, data }] of state.history.entries()) putFloats(history, String(i), shape, data);
  });
}
