import { SoftxentError } from '@softxent/core';
import type { SourcePosition } from './schema/message.js';

/** One thing wrong in a text file. Lines and columns count from 1; a tab moves to the next multiple of 8. */
export interface TextProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * A prototxt that protobuf's text format does not allow. `problems` lists what was found in the order of the file's
 * reading; the message shows the first with its line and a mark under its column.
 */
export class CaffeTextError extends SoftxentError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly problems: readonly TextProblem[];

  constructor(file: string, problems: readonly TextProblem[], excerpt: string) {
    const list = problems.map((p) => `${file}:${p.line}:${p.column}: ${p.message}`).join('\n');
    super('CAFFE_TEXT', excerpt === '' ? list : `${list}\n${excerpt}`);
    this.file = file;
    this.line = problems[0]?.line ?? 1;
    this.column = problems[0]?.column ?? 1;
    this.problems = problems;
  }
}

/** A binary or HDF5 file that is truncated, corrupt, too large or not what it should be. */
export class CaffeFormatError extends SoftxentError {
  readonly file: string;

  constructor(file: string, message: string, options?: ErrorOptions) {
    super('CAFFE_FORMAT', `${file}: ${message}`, options);
    this.file = file;
  }
}

/** A file that cannot be read or written: missing, no permission, disk full. */
export class CaffeFileError extends SoftxentError {
  readonly file: string;

  constructor(file: string, message: string, options?: ErrorOptions) {
    super('CAFFE_FILE', `${file}: ${message}`, options);
    this.file = file;
  }
}

/** The layer that an error is about. */
export interface LayerReference {
  readonly name: string;
  readonly type: string;
  /** Where the layer stands in its prototxt, when it came from one. */
  readonly source: SourcePosition | undefined;
}

function place({ name, type, source }: LayerReference): string {
  const at = source ? `${source.file}:${source.line}: ` : '';
  return `${at}layer '${name}' (${type}): `;
}

/** A net that cannot be built as it is written; names the layer, its type and its line where one is at fault. */
export class CaffeNetError extends SoftxentError {
  readonly layer: LayerReference | undefined;

  constructor(message: string, layer?: LayerReference, options?: ErrorOptions) {
    super('CAFFE_NET', `${layer ? place(layer) : ''}${message}`, options);
    this.layer = layer;
  }
}

/** Weights or a solver state that do not fit the net they are loaded into. */
export class CaffeWeightsError extends SoftxentError {
  readonly file: string;

  constructor(file: string, message: string, options?: ErrorOptions) {
    super('CAFFE_WEIGHTS', `${file}: ${message}`, options);
    this.file = file;
  }
}
