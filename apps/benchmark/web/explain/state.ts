/** The point that is looked at, which the address of the page keeps: `#explain?x=10000&t=0.999999`. */

/** A logit and a soft label. */
export interface Place {
  readonly logit: number;
  readonly target: number;
}

/** Bounds of what can be typed in. */
export const largestLogit = 1e6;

/** Holds a point; tells who asked when it changes. */
export class State {
  #place: Place;
  readonly #listeners: ((place: Place) => void)[] = [];

  constructor(otherwise: Place) {
    this.#place = fromAddress() ?? otherwise;
    addEventListener('hashchange', () => {
      const place = fromAddress();
      if (place !== undefined) this.#put(place);
    });
  }

  get place(): Place {
    return this.#place;
  }

  /** Changes a part of the point, in the address too. */
  set(change: Partial<Place>): void {
    this.#put({ ...this.#place, ...change });
    const { logit, target } = this.#place;
    history.replaceState(null, '', `#explain?x=${logit}&t=${target}`);
  }

  /** Calls the listener now and after every change. */
  watch(listener: (place: Place) => void): void {
    this.#listeners.push(listener);
    listener(this.#place);
  }

  #put(place: Place): void {
    this.#place = place;
    for (const listener of this.#listeners) listener(place);
  }
}

function fromAddress(): Place | undefined {
  const [view, query] = location.hash.slice(1).split('?');
  if (view !== 'explain' || query === undefined) return undefined;
  const read = new URLSearchParams(query);
  const [logit, target] = [read.get('x'), read.get('t')].map((text) => (text ? Number(text) : Number.NaN));
  return isLogit(logit) && isTarget(target) ? { logit, target } : undefined;
}

/** Whether the page shows this logit. */
export function isLogit(value: number | undefined): value is number {
  return value !== undefined && Math.abs(value) <= largestLogit;
}

/** Whether this is a soft label. */
export function isTarget(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value <= 1;
}
