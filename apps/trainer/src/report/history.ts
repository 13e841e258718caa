import type { IterationEvent, TestedEvent, TrainingEvent } from '@softxent/caffe';

/** What a report shows of a run. */
export class History {
  readonly iterations: IterationEvent[] = [];
  readonly tests: TestedEvent[] = [];
  readonly snapshots: string[] = [];

  add(event: TrainingEvent): void {
    if (event.type === 'iteration') this.iterations.push(event);
    if (event.type === 'tested') this.tests.push(event);
    if (event.type === 'snapshot') this.snapshots.push(event.model);
  }
}
