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

/** Whether a message holds what makes it worth a file: nearly all bytes decode as nearly any message, into unknown fields. */
function isMeant({ name, message }: Parsed): boolean {
  switch (name) {
    case 'NetParameter':
      return message.layer.length + message.layers.length > 0;
    case 'SolverState':
      if (!has(message, 'iter')) return false;
      // An ONNX model begins like a state without history, and goes on otherwise.
      return (
        message.history.length > 0 || (has(message, 'learned_net') && unknownFields(message).length === 0)
      );
    case 'BlobProto':
      return message.data.length + message.double_data.length > 0;
    case 'SolverParameter':
      return has(message, 'lr_policy') ? /^\w+$/.test(message.lr_policy) : has(message, 'base_lr');
  }
}

/** The binary file as the message that it fits best: the one with the fewest fields that its schema does not know. */
function readBinary(file: string, bytes: Uint8Array): CaffeFile {
  const found: Parsed[] = [];
  const errors: unknown[] = [];
  for (const name of Object.keys(kinds) as Kind[]) {
    try {
      const parsed = { name, message: decodeMessage(name, bytes, { file }) } as Parsed;
      if (isMeant(parsed)) found.push(parsed);
    } catch (error) {
      errors.push(error);
    }
  }
  const strange = ({ message }: Parsed): number => unknownFields(message).length;
  const [parsed] = found.toSorted((a, b) => strange(a) - strange(b));
  if (parsed) return { kind: kinds[parsed.name], form: 'binary', message: parsed.message } as CaffeFile;
  if (/\.onnx$/i.test(file)) {
    throw new CaffeFormatError(
      file,
      "an ONNX model by its name: convert writes them, and Caffe's files are read",
    );
  }
  if (errors.length === Object.keys(kinds).length) throw errors[0];
  throw new CaffeFormatError(
    file,
    'truncated, corrupt, or none of the files that Caffe knows (net, weights, solver, solverstate, mean)',
  );
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
  if (!bytes.subarray(0, 4096).some((byte) => byte !== 10 && byte !== 13 && byte !== 32)) {
    throw new CaffeFormatError(path, 'the file is empty');
  }
  if (isText(bytes.subarray(0, 4096))) return readText(path, bytes);
  return readBinary(path, bytes);
}
