import { SoftxentError } from '@softxent/core';

/** A line of a list file that cannot be used: malformed, or it names a file that is missing or unreadable. */
export class ListEntryError extends SoftxentError {
  /** The list file. */
  readonly list: string;
  /** The line of the list, counted from 1. */
  readonly line: number;

  constructor(list: string, line: number, message: string, options?: ErrorOptions) {
    super('CAFFE_LIST', `${list}:${line}: ${message}`, options);
    this.list = list;
    this.line = line;
  }
}

/** Data whose shape does not fit the net, the transformation, the mean or the other items of its batch. */
export class DataShapeError extends SoftxentError {
  /** Where the data came from: a file, a row of a store, a top blob. */
  readonly origin: string;

  constructor(origin: string, message: string) {
    super('CAFFE_DATA_SHAPE', `${origin}: ${message}`);
    this.origin = origin;
  }
}

/** A label that is no probability (NaN, or outside [0, 1]), or names no class. */
export class LabelRangeError extends SoftxentError {
  /** The top blob that holds the labels. */
  readonly top: string;
  /** Coordinates of the first such label. */
  readonly index: readonly number[];
  readonly value: number;

  /** @param classes for class labels: how many classes there are */
  constructor(top: string, index: readonly number[], value: number, count: number, classes?: number) {
    const range = classes === undefined ? '[0, 1]' : `0 to ${classes - 1}`;
    super(
      'CAFFE_LABEL_RANGE',
      `top '${top}': ${count} label${count === 1 ? '' : 's'} outside ${range}, the first at [${index.join(', ')}]: ` +
        `found ${value}, expected a ${classes === undefined ? 'probability' : 'class'}`,
    );
    this.top = top;
    this.index = index;
    this.value = value;
  }
}
