/** Caffe's files, whatever is in them. */
import type {
  BlobProto,
  MessageName,
  NetParameter,
  SolverParameter,
  SolverState,
  StoredSolverState,
  WeightFile,
} from '@softxent/caffe';
import {
  CaffeFormatError,
  CaffeTextError,
  decodeMessage,
  has,
  isHdf5File,
  parseText,
  readBytes,
  readSolverState,
  readWeights,
  unknownFields,
} from '@softxent/caffe';

/** What a file holds, and in which form. */
export type CaffeFile =
  | { readonly kind: 'net'; readonly form: 'text' | 'binary'; readonly message: NetParameter }
  | { readonly kind: 'solver'; readonly form: 'text' | 'binary'; readonly message: SolverParameter }
  | { readonly kind: 'state'; readonly form: 'text' | 'binary'; readonly message: SolverState }
  | { readonly kind: 'blob'; readonly form: 'text' | 'binary'; readonly message: BlobProto }
  | { readonly kind: 'weights'; readonly form: 'hdf5'; readonly weights: WeightFile }
  | { readonly kind: 'state'; readonly form: 'hdf5'; readonly state: StoredSolverState };

const kinds = {
  NetParameter: 'net',
  SolverState: 'state',
  BlobProto: 'blob',
  SolverParameter: 'solver',
} as const;

type Kind = keyof typeof kinds;
type Parsed = { [N in Kind]: { name: N; message: ReturnType<typeof decodeMessage<N>> } }[Kind];

/** How well a message fits what was read as it: the fields that its schema does not know speak against it, so does emptiness. */
function misfit({ name, message }: Parsed): number {
  const strange = unknownFields(message).length;
  switch (name) {
    case 'NetParameter':
      return strange + (message.layer.length + message.layers.length > 0 ? 0 : 0.5);
    case 'SolverState':
      return (
        strange +
        (has(message, 'iter') && (message.history.length > 0 || has(message, 'learned_net')) ? 0 : 0.5)
      );
    case 'BlobProto':
      return strange + (message.data.length + message.double_data.length > 0 ? 0 : 0.5);
    case 'SolverParameter':
      // Fields 1, 2 and 3 are strings and numbers here as elsewhere; only a solver has a policy.
      return strange + (has(message, 'lr_policy') || has(message, 'base_lr') ? 0 : 0.6);
  }
}

function best(file: string, read: (name: Kind) => Parsed): CaffeFile {
  const found: Parsed[] = [];
  const errors: unknown[] = [];
  for (const name of Object.keys(kinds) as Kind[]) {
    try {
      found.push(read(name));
    } catch (error) {
      errors.push(error);
    }
  }
  const [parsed] = found.toSorted((a, b) => misfit(a) - misfit(b));
  if (parsed === undefined) throw errors[0];
  if (misfit(parsed) >= 1) {
    throw new CaffeFormatError(
      file,
      'truncated, corrupt, or none of the files that Caffe knows (net, weights, solver, solverstate, mean)',
    );
  }
  return { kind: kinds[parsed.name], form: 'binary', message: parsed.message } as CaffeFile;
}

/** The error of the kind that got furthest into the file. */
function furthest(errors: readonly unknown[]): unknown {
  const far = (error: unknown): number =>
    error instanceof CaffeTextError ? error.line * 1e6 + error.column : -1;
  return errors.toSorted((a, b) => far(b) - far(a))[0];
}

function readText(file: string, bytes: Uint8Array): CaffeFile {
  const errors: unknown[] = [];
  for (const name of Object.keys(kinds) as Kind[]) {
    try {
      const message = parseText(name as MessageName, bytes, { file });
      return { kind: kinds[name], form: 'text', message } as CaffeFile;
    } catch (error) {
      errors.push(error);
    }
  }
  throw furthest(errors);
}

/** Text is UTF-8 without control characters but tabs and line ends; binary messages have field tags. */
function isText(start: Uint8Array): boolean {
  if (start.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return false;
  try {
    // The start may end within a character.
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a net, weights, solver, solverstate or mean, in text, binary or HDF5: what it is shows in its contents.
 * @throws CaffeFileError, CaffeTextError, CaffeFormatError
 */
export async function readCaffeFile(path: string): Promise<CaffeFile> {
  if (await isHdf5File(path)) {
    try {
      return { kind: 'weights', form: 'hdf5', weights: await readWeights(path) };
    } catch (error) {
      try {
        return { kind: 'state', form: 'hdf5', state: await readSolverState(path) };
      } catch {
        throw error;
      }
    }
  }
  const bytes = await readBytes(path);
  if (bytes.length === 0) throw new CaffeFormatError(path, 'the file is empty');
  if (isText(bytes.subarray(0, 4096))) return readText(path, bytes);
  return best(path, (name) => ({ name, message: decodeMessage(name, bytes, { file: path }) }) as Parsed);
}
