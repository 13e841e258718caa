/** A check: one promise, held against a backend. */
import { open, type Accuracy, type Backend, type Capabilities, type Session } from '@softxent/core';
import type { Formula } from '@softxent/core/reference';
import type { Random } from './random.js';

/** The worst errors that a check met, in ulp; absent where it measured none. */
export interface Measured {
  readonly value?: number;
  readonly gradient?: number;
}

/** What a check runs on: a backend that was opened, and ways to open it again. */
export interface Subject {
  readonly backend: Backend;
  readonly session: Session;
  readonly accuracy: Accuracy;
  readonly capabilities: Capabilities;
  /** The formula of the loss that is held, where it is not one of the reference's. */
  readonly formula?: Formula;
  /** Operands by which that loss is differentiated; default: all that have a gradient. */
  readonly gradients?: readonly string[];
  /** The same backend in other configurations (numbers of threads), which promise the same bits. */
  readonly variants: readonly Backend[];
  /** Numbers for this check alone. */
  readonly random: Random;
  /** Calls a function with a session of its own, and disposes of it. */
  readonly withSession: <T>(use: (session: Session) => Promise<T>, backend?: Backend) => Promise<T>;
}

/** One promise. */
export interface Check {
  /** What is promised. */
  readonly name: string;
  /** The line of the report that it belongs to. */
  readonly capability: string;
  /** Whether it runs when only quick checks are wanted. */
  readonly quick: boolean;
  /** Throws {@link BrokenPromise} where the promise breaks, CapabilityError where the backend does not offer it. */
  readonly run: (subject: Subject) => Promise<Measured>;
}

/** A promise that did not hold, and everything needed to see why. */
export class BrokenPromise extends Error {
  /** Worst errors met before it was clear. */
  readonly measured: Measured;

  constructor(message: string, measured: Measured = {}) {
    super(message);
    this.name = 'BrokenPromise';
    this.measured = measured;
  }
}

/** A capability that the backend says it lacks, so that there is nothing to hold it to. */
export class Unsupported extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Unsupported';
  }
}

/** Throws {@link BrokenPromise} unless the condition holds. */
export function promise(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new BrokenPromise(message());
}

/** The larger of two measurements. */
export function worse(a: Measured, b: Measured): Measured {
  const pick = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined ? y : y === undefined ? x : Math.max(x, y);
  const value = pick(a.value, b.value);
  const gradient = pick(a.gradient, b.gradient);
  return { ...(value === undefined ? {} : { value }), ...(gradient === undefined ? {} : { gradient }) };
}

/** Opens a session for one use. */
export async function withSession<T>(backend: Backend, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(backend);
  try {
    return await use(session);
  } finally {
    await session.dispose();
  }
}
