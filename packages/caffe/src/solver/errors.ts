import { SoftxentError } from '@softxent/core';

/** A solver that cannot work as it is written, or a state that does not fit it. */
export class CaffeSolverError extends SoftxentError {
  constructor(message: string, options?: ErrorOptions) {
    super('CAFFE_SOLVER', message, options);
  }
}

/** The loss of an iteration is not a number, or infinite. The parameters are those before that iteration. */
export class CaffeDivergedError extends SoftxentError {
  readonly iteration: number;
  readonly loss: number;

  constructor(iteration: number, loss: number) {
    super(
      'CAFFE_DIVERGED',
      `the loss of iteration ${iteration} is ${loss}: training has diverged (lower base_lr, or give clip_gradients)`,
    );
    this.iteration = iteration;
    this.loss = loss;
  }
}
