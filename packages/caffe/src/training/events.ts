import type { CopyReport } from '../weights/copy.js';

/** One number among a net's outputs. */
export interface OutputValue {
  readonly blob: string;
  readonly value: number;
  /** The blob's weight in the loss; 0 for most. */
  readonly weight: number;
}

/** What happens in a training run, in order. */
export type TrainingEvent =
  | { readonly type: 'resuming'; readonly file: string; readonly weights: string; readonly iteration: number }
  | { readonly type: 'finetuning'; readonly file: string; readonly report: CopyReport }
  | { readonly type: 'testing'; readonly iteration: number; readonly net: number }
  | TestedEvent
  | IterationEvent
  | {
      readonly type: 'snapshot';
      readonly iteration: number;
      readonly format: 'binary' | 'hdf5';
      readonly model: string;
      readonly state: string;
    }
  /** The loss of one more batch after the last iteration, smoothed with those before it. */
  | { readonly type: 'final-loss'; readonly iteration: number; readonly loss: number }
  | { readonly type: 'stopped'; readonly iteration: number }
  | { readonly type: 'done'; readonly iteration: number };

/** A test net has seen its batches. */
export interface TestedEvent {
  readonly type: 'tested';
  readonly iteration: number;
  readonly net: number;
  /** The mean loss over the batches, all loss weights in. */
  readonly loss: number;
  /** The least loss that the batches' soft labels allow; undefined where it cannot be told (`Targets.unknown`). */
  readonly floor: number | undefined;
  /** The mean loss that the best constant prediction would have; undefined where losses other than cross-entropies count. */
  readonly constant: number | undefined;
  /** The mean of every number that the net gives out. */
  readonly outputs: readonly OutputValue[];
  /** Whether test_compute_loss asks for the loss to be shown. */
  readonly showLoss: boolean;
}

/** An iteration was made. */
export interface IterationEvent {
  readonly type: 'iteration';
  readonly iteration: number;
  readonly loss: number;
  /** The mean over the last average_loss iterations. */
  readonly smoothedLoss: number;
  /** The least loss that the batch's soft labels allow; undefined where it cannot be told (`Targets.unknown`). */
  readonly floor: number | undefined;
  /** The mean of the floors over the last average_loss iterations. */
  readonly smoothedFloor: number | undefined;
  readonly rate: number;
  /** How many steps down the rate of policy "multistep" has taken, where it took one now. */
  readonly steppedTo: number | undefined;
  readonly gradientNorm: number | undefined;
  /** The outputs of the last pass. */
  readonly outputs: readonly OutputValue[];
  /** Whether the solver's `display` asks for this iteration to be shown. */
  readonly display: boolean;
  readonly milliseconds: number;
}
