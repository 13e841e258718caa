// Stands in for the classes of @softxent/core until its index exports them.

export class SoftxentError extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class BackendUnavailableError extends SoftxentError {
  constructor(
    readonly backend: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('BACKEND_UNAVAILABLE', `backend ${backend} is not available: ${reason}`, options);
  }
}

export class DeviceError extends SoftxentError {
  constructor(
    readonly backend: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super('DEVICE', `backend ${backend}: ${message}`, options);
  }
}

export class DisposedError extends SoftxentError {
  constructor(what: string) {
    super('DISPOSED', `${what} was disposed of and cannot be used any more`);
  }
}
