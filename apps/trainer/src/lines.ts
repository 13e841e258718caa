/** What a training run's events look like in the log, in the form that readers of Caffe's logs know. */
import type { OutputValue, TrainingEvent } from '@softxent/caffe';
import { short } from './surroundings.js';

const outputLine = (net: string, { blob, value, weight }: OutputValue, index: number): string =>
  `    ${net} net output #${index}: ${blob} = ${short(value)}${
    weight === 0 ? '' : ` (* ${short(weight)} = ${short(weight * value)} loss)`
  }`;

/** ` (floor F, excess E)`: how much of the loss is the labels' own entropy, and how much could still be learned. */
export const floorText = (loss: number, floor: number | undefined): string =>
  floor === undefined ? '' : ` (floor ${short(floor)}, excess ${short(loss - floor)})`;

/** `; a constant has C at best`: what a prediction that is the same everywhere would come to. */
export const constantText = (constant: number | undefined): string =>
  constant === undefined ? '' : `; a constant prediction has ${short(constant)} at best`;

/** The lines of an event; none for iterations that `display` does not ask for. */
export function linesOf(event: TrainingEvent): string[] {
  switch (event.type) {
    case 'resuming':
      return [`Resuming from ${event.file} at iteration ${event.iteration}, weights ${event.weights}`];
    case 'finetuning': {
      const { copied, untouched } = event.report;
      const rest = untouched.length === 0 ? '' : `; not in it: ${untouched.join(', ')}`;
      return [`Finetuning from ${event.file}: ${copied.length} layers copied${rest}`];
    }
    case 'testing':
      return [`Iteration ${event.iteration}, Testing net (#${event.net})`];
    case 'tested':
      return [
        ...(event.showLoss ? [`Test loss: ${short(event.loss)}`] : []),
        ...event.outputs.map((output, i) => outputLine('Test', output, i)),
        ...(event.floor === undefined || !(event.floor > 0)
          ? []
          : [
              `    Test net loss = ${short(event.loss)}${floorText(event.loss, event.floor)}${constantText(event.constant)}`,
            ]),
      ];
    case 'iteration': {
      const { iteration, smoothedLoss, smoothedFloor, rate, display, steppedTo } = event;
      const stepped =
        steppedTo === undefined ? [] : [`MultiStep Status: Iteration ${iteration}, step = ${steppedTo}`];
      if (!display) return stepped;
      return [
        `Iteration ${iteration}, loss = ${short(smoothedLoss)}${floorText(smoothedLoss, smoothedFloor)}`,
        ...event.outputs.map((output, i) => outputLine('Train', output, i)),
        ...stepped,
        `Iteration ${iteration}, lr = ${short(rate)}`,
      ];
    }
    case 'snapshot': {
      const format = event.format === 'hdf5' ? 'HDF5' : 'binary proto';
      return [
        `Snapshotting to ${format} file ${event.model}`,
        `Snapshotting solver state to ${format} file ${event.state}`,
      ];
    }
    case 'final-loss':
      return [`Iteration ${event.iteration}, loss = ${short(event.loss)}`];
    case 'stopped':
      return [`Optimization stopped early, at iteration ${event.iteration}.`];
    case 'done':
      return ['Optimization Done.'];
  }
}
