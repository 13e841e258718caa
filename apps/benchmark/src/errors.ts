/** What a user of the command can do wrong. */
import { SoftxentError } from '@softxent/core';

/** A flag with a value that cannot be meant: exit status 2. */
export class UsageError extends SoftxentError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** A file that cannot be read or written, or does not hold what it should: exit status 2. */
export class FileError extends SoftxentError {
  readonly file: string;

  constructor(file: string, message: string, options?: ErrorOptions) {
    super('FILE', `${file}: ${message}`, options);
    this.file = file;
  }
}
