import { SoftxentError } from '@softxent/core';

/** Something to print to: a stream of the process, or a test's. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Where signals come from. */
export interface Signals {
  on(signal: 'SIGINT' | 'SIGHUP', heard: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGHUP', heard: () => void): unknown;
}

/** Where a command runs and what it prints to. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The folder that file names are relative to. */
  readonly folder: string;
  /** Absent: the command hears no signals. */
  readonly signals?: Signals;
}

/** Prints a line. */
export type Print = (line?: string) => void;

/** Flags that do not go together or are missing: exit status 2. */
export class UsageError extends SoftxentError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** Something in the user's files or data that a command cannot work with: exit status 1. */
export class CommandError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('COMMAND', message, options);
  }
}

/** A number as Caffe's log shows it: six significant digits. */
export const short = (value: number): string => String(Number(value.toPrecision(6)));
