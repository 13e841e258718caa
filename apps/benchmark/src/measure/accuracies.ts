/** Errors of contestants, found once for each loss and layout. */
import type { MeasuredRow } from '../model.js';
import { accuracyWorkload, Referee, referenceFor } from './accuracy.js';
import { messageOf, type Entry } from './entry.js';
import type { Station } from './participant.js';

type Errors = ReturnType<Referee['judge']>;

/** Finds errors of whatever it is shown, and remembers them: they do not depend on the size that is timed. */
export class Accuracies {
  readonly #seed: number;
  readonly #referee: Referee;
  /** Errors, or why there are none. */
  readonly #known = new Map<string, Errors | string>();

  constructor(seed: number) {
    this.#seed = seed;
    this.#referee = new Referee(seed);
  }

  async of(entry: Entry, station: Station): Promise<Pick<MeasuredRow, 'accuracy' | 'accuracyNote'>> {
    const { workload, value } = entry;
    const reference = referenceFor(workload);
    if (typeof reference === 'string') return { accuracy: null, accuracyNote: reference };
    const errors = await this.#errors(entry, station);
    if (typeof errors === 'string') return { accuracy: null, accuracyNote: errors };
    const meanError = value === undefined ? null : this.#referee.meanError(workload, value);
    return { accuracy: { ...errors, meanError }, accuracyNote: null };
  }

  async #errors({ participant, workload }: Entry, station: Station): Promise<Errors | string> {
    const { spec } = accuracyWorkload(workload);
    const { contestant, role, threads } = participant.key;
    const name = JSON.stringify([contestant, role, threads, spec]);
    let errors = this.#known.get(name);
    if (errors !== undefined) return errors;
    try {
      errors = this.#referee.judge(workload, await station.evaluate(spec, this.#seed));
    } catch (thrown) {
      errors = `computing the errors failed: ${messageOf(thrown)}`;
    }
    this.#known.set(name, errors);
    return errors;
  }
}
