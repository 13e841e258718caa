/** The `code` of a {@link SoftxentError}: stable, so that programs can branch on it. */
export type ErrorCode =
  | 'BACKEND_UNAVAILABLE'
  | 'CAPABILITY'
  | 'DEVICE'
  | 'DISPOSED'
  | 'DTYPE'
  | 'INVALID_TARGETS'
  | 'OPERAND'
  | 'OPTION'
  | 'PROGRAM'
  | 'SHAPE'
  | (string & {});

/**
 * Base of every error that softxent throws on purpose. The message names the operand or option, says what was
 * found and what was expected; `code` is stable across releases.
 */
export class SoftxentError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** What was wrong with one operand or option. */
export interface Mismatch {
  /** The operand (`logits`) or option (`posWeight`) at fault. */
  readonly subject: string;
  readonly found: string;
  readonly expected: string;
}

function describe({ subject, found, expected }: Mismatch): string {
  return `${subject}: found ${found}, expected ${expected}`;
}

abstract class MismatchError extends SoftxentError implements Mismatch {
  readonly subject: string;
  readonly found: string;
  readonly expected: string;

  constructor(code: ErrorCode, mismatch: Mismatch) {
    super(code, describe(mismatch));
    this.subject = mismatch.subject;
    this.found = mismatch.found;
    this.expected = mismatch.expected;
  }
}

/** An operand's shape does not fit the others, or its data do not fill its shape. */
export class ShapeError extends MismatchError {
  constructor(mismatch: Mismatch) {
    super('SHAPE', mismatch);
  }
}

/** An operand's dtype is not one that the loss can read there. */
export class DTypeError extends MismatchError {
  constructor(mismatch: Mismatch) {
    super('DTYPE', mismatch);
  }
}

/** An operand is missing, unknown to the loss, or not a tensor of this session. */
export class OperandError extends MismatchError {
  constructor(mismatch: Mismatch) {
    super('OPERAND', mismatch);
  }
}

/** An option is unknown, of the wrong type or out of its range. */
export class OptionError extends MismatchError {
  constructor(mismatch: Mismatch) {
    super('OPTION', mismatch);
  }
}

/** A program is malformed: for authors of losses. */
export class ProgramError extends MismatchError {
  constructor(mismatch: Mismatch) {
    super('PROGRAM', mismatch);
  }
}

/** The backend cannot run this plan; `capability` is what it lacks. There is no fallback to another backend. */
export class CapabilityError extends SoftxentError {
  readonly backend: string;
  readonly capability: string;

  constructor(backend: string, capability: string, detail: string) {
    super('CAPABILITY', `backend ${backend} lacks the capability ${capability}: ${detail}`);
    this.backend = backend;
    this.capability = capability;
  }
}

/** The backend cannot open here; `reason` says why and, where there is a remedy, what to do. */
export class BackendUnavailableError extends SoftxentError {
  readonly backend: string;
  readonly reason: string;

  constructor(backend: string, reason: string, options?: ErrorOptions) {
    super('BACKEND_UNAVAILABLE', `backend ${backend} is not available: ${reason}`, options);
    this.backend = backend;
    this.reason = reason;
  }
}

/** The device failed while it ran: it was lost, ran out of memory, or refused a command. */
export class DeviceError extends SoftxentError {
  readonly backend: string;

  constructor(backend: string, message: string, options?: ErrorOptions) {
    super('DEVICE', `backend ${backend}: ${message}`, options);
    this.backend = backend;
  }
}

/** A session, kernel or tensor was used after its disposal. */
export class DisposedError extends SoftxentError {
  constructor(what: string) {
    super('DISPOSED', `${what} was disposed of and cannot be used any more`);
  }
}

/** Raised by `validate: 'throw'`: targets that are NaN, outside [0, 1], no label, or rows that do not sum to 1. */
export class InvalidTargetsError extends SoftxentError {
  /** How many elements (values) or rows (sums, labels) are invalid. */
  readonly count: number;
  /** Coordinates of the first invalid element or row in the targets' shape. */
  readonly index: readonly number[];
  /** What stands there. */
  readonly found: string;

  constructor(count: number, index: readonly number[], found: string, expected: string) {
    super(
      'INVALID_TARGETS',
      `targets: ${count} invalid, the first at [${index.join(', ')}]: found ${found}, expected ${expected}`,
    );
    this.count = count;
    this.index = index;
    this.found = found;
  }
}
