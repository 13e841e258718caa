/** Runs the suite on a backend. */
import {
  open,
  type Accuracy,
  type Backend,
  type Capabilities,
  type Session,
  type SoftxentError,
} from '@softxent/core';
import { BrokenPromise, Unsupported, withSession, type Check, type Measured, type Subject } from './check.js';
import { allChecks } from './checks/index.js';
import { Random } from './random.js';

/** Which checks run, and how. */
export interface ConformanceOptions {
  /** Seed of all random numbers; default 1. */
  readonly seed?: number;
  /** Only checks whose name or capability contains this (letter case does not matter) or matches it. */
  readonly filter?: string | RegExp;
  /** Only the quick checks: each promise on fewer dtypes. */
  readonly quick?: boolean;
  /** The same backend in other configurations (other numbers of threads): they have to give the same bits. */
  readonly variants?: readonly Backend[];
  /** Called after every check. */
  readonly onResult?: (result: CheckResult, done: number, total: number) => void;
}

/** `held`: the promise held. `broken`: it did not. `unsupported`: the backend says that it lacks what this needs. */
export type Status = 'held' | 'broken' | 'unsupported';

/** What became of one check. */
export interface CheckResult extends Measured {
  readonly name: string;
  readonly capability: string;
  readonly status: Status;
  /** Why it broke, or what is not supported. */
  readonly message?: string;
}

/** What became of all of them. */
export interface ConformanceReport {
  readonly backend: string;
  /** Kind of the loss that was held, where it was one of a user's. */
  readonly loss?: string;
  readonly description: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly accuracy: Accuracy;
  readonly capabilities: Capabilities;
  readonly checks: readonly CheckResult[];
  readonly held: number;
  readonly broken: number;
  readonly unsupported: number;
  /** No promise broke, and something was checked. */
  readonly ok: boolean;
}

/** What is held, beside the backend: the whole suite on its own losses, or one loss of a user's. */
export interface Held {
  /** Kind of the loss, where it is one. */
  readonly loss?: string;
  readonly checks: readonly Check[];
  /** What is known to these checks that others need not know. */
  readonly about: (session: Session) => Pick<Subject, 'accuracy' | 'formula' | 'gradients'>;
}

/** Every check of the suite, with what the backend declares. */
export function wholeSuite(): Held {
  return { checks: allChecks(), about: ({ accuracy }) => ({ accuracy }) };
}

/** The checks that these options select. */
export function selectChecks(
  { filter, quick = false }: ConformanceOptions = {},
  checks: readonly Check[] = allChecks(),
): readonly Check[] {
  const matches = ({ name, capability }: Check): boolean => {
    if (filter === undefined) return true;
    const texts = [name, capability];
    if (filter instanceof RegExp) return texts.some((text) => text.search(filter) >= 0);
    return texts.some((text) => text.toLowerCase().includes(filter.toLowerCase()));
  };
  return checks.filter((check) => (check.quick || !quick) && matches(check));
}

/** What checks run on. */
export function subjectOf(
  backend: Backend,
  session: Session,
  check: Check,
  { seed = 1, variants = [] }: ConformanceOptions,
  held: Held,
): Subject {
  return {
    backend,
    session,
    ...held.about(session),
    capabilities: session.capabilities,
    variants,
    random: Random.for(seed, check.name),
    withSession: (use, other = backend) => withSession(other, use),
  };
}

/** Runs one check. Any error that is not a typed refusal breaks the promise. */
export async function runCheck(check: Check, subject: Subject): Promise<CheckResult> {
  const { name, capability } = check;
  try {
    return { name, capability, status: 'held', ...(await check.run(subject)) };
  } catch (error) {
    if (error instanceof Unsupported || isRefusal(error)) {
      return { name, capability, status: 'unsupported', message: error.message };
    }
    const measured = error instanceof BrokenPromise ? error.measured : {};
    const message = error instanceof BrokenPromise ? error.message : describeError(error);
    return { name, capability, status: 'broken', message, ...measured };
  }
}

/** By its code: a backend may bring a copy of core of its own. */
function isRefusal(error: unknown): error is Error {
  return error instanceof Error && (error as Partial<SoftxentError>).code === 'CAPABILITY';
}

function describeError(error: unknown): string {
  return error instanceof Error
    ? `unexpected ${error.stack ?? error.message}`
    : `unexpected ${String(error)}`;
}

/**
 * Holds a backend against the float64 reference: every loss, option, dtype, layout and reduction, properties, misuse,
 * concurrent use and disposal. What the backend's `accuracy` declares is what it is held to.
 *
 * @throws {BackendUnavailableError} where the backend cannot be opened here
 */
export function runConformance(
  backend: Backend,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  return runHeld(wholeSuite(), backend, options);
}

/** Runs the checks of what is held. */
export async function runHeld(
  held: Held,
  backend: Backend,
  options: ConformanceOptions,
): Promise<ConformanceReport> {
  const selected = selectChecks(options, held.checks);
  const session = await open(backend);
  const checks: CheckResult[] = [];
  try {
    for (const check of selected) {
      const result = await runCheck(check, subjectOf(backend, session, check, options, held));
      checks.push(result);
      options.onResult?.(result, checks.length, selected.length);
    }
    const count = (status: Status): number => checks.filter((result) => result.status === status).length;
    return {
      backend: backend.name,
      ...(held.loss === undefined ? {} : { loss: held.loss }),
      description: session.description,
      seed: options.seed ?? 1,
      quick: options.quick ?? false,
      accuracy: held.about(session).accuracy,
      capabilities: session.capabilities,
      checks,
      held: count('held'),
      broken: count('broken'),
      unsupported: count('unsupported'),
      ok: count('broken') === 0 && count('held') > 0,
    };
  } finally {
    await session.dispose();
  }
}
