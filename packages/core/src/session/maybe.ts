/** One implementation for sessions with and without promises: steps are chained, and chained at once where they can be. */
import type { MaybePromise } from '../backend.js';

export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** `step(value)`, now if the value is here, else when it is. */
export function chain<T, U>(value: MaybePromise<T>, step: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then((arrived) => step(arrived)) : step(value);
}

/** `step` on each item, one after the other. */
export function forEach<T>(
  items: readonly T[],
  step: (item: T) => MaybePromise<void>,
  from = 0,
): MaybePromise<void> {
  for (let i = from; i < items.length; i++) {
    const done = step(items[i] as T);
    if (isPromise(done)) return done.then(() => forEach(items, step, i + 1));
  }
}

/** The value of something that a synchronous device has done. */
export function now<T>(value: MaybePromise<T>): T {
  if (isPromise(value)) throw new TypeError('a synchronous device returned a promise');
  return value;
}
