/** The suite as tests of a test runner. */
import { open, type Backend, type Session } from '@softxent/core';
import { BrokenPromise, Unsupported } from './check.js';
import { runCheck, selectChecks, subjectOf, wholeSuite, type ConformanceOptions, type Held } from './run.js';

/** What a test is given, as far as it is used here: a way to say that it was skipped (vitest, node:test, mocha's this). */
interface TestContext {
  readonly skip?: (reason?: string) => unknown;
}

/** The functions of a test runner: vitest's, node:test's, or the like. */
export interface TestRunner {
  readonly describe: (name: string, declare: () => void) => unknown;
  // eslint-disable-next-line typescript/no-explicit-any -- runners pass contexts of their own types
  readonly it: (name: string, test: (context: any) => Promise<void>) => unknown;
  readonly afterAll: (dispose: () => Promise<void>) => unknown;
}

/** Options of {@link conformanceTests}. */
export type ConformanceTestOptions = Omit<ConformanceOptions, 'onResult'>;

/**
 * Declares a test for every check. One session serves all of them; it is opened by the first and disposed of after the
 * last. A check of what the backend does not support is skipped with the reason; where the runner cannot skip a running
 * test, it fails: it never passes.
 *
 * @example
 * import { afterAll, describe, it } from 'vitest';
 * conformanceTests(myBackend(), { describe, it, afterAll });
 */
export function conformanceTests(
  backend: Backend,
  runner: TestRunner,
  options: ConformanceTestOptions = {},
): void {
  declareTests(`conformance of ${backend.name}`, wholeSuite(), backend, runner, options);
}

/** Declares a test for every check of what is held. */
export function declareTests(
  title: string,
  held: Held,
  backend: Backend,
  { describe, it, afterAll }: TestRunner,
  options: ConformanceTestOptions,
): void {
  describe(title, () => {
    let opening: Promise<Session> | undefined;
    afterAll(async () => {
      if (opening !== undefined) await (await opening).dispose();
    });
    for (const check of selectChecks(options, held.checks)) {
      it(check.name, async (context: TestContext | undefined) => {
        opening ??= open(backend);
        const subject = subjectOf(backend, await opening, check, options, held);
        const { status, message = '' } = await runCheck(check, subject);
        if (status === 'broken') throw new BrokenPromise(message);
        if (status === 'unsupported') {
          if (typeof context?.skip !== 'function') throw new Unsupported(message);
          context.skip(message);
        }
      });
    }
  });
}
