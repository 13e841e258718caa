/** For this package's tests. */
import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, expect, it, test } from 'vitest';
import { tfjs, type TensorFlow, type TfBackendName } from './index.js';

declare const SOFTXENT_CONFORMANCE: string;

/**
 * Conformance in a browser; skipped in Node, which runs these tests only where no browser was found. In software it takes minutes, so the quick
 * checks that `filter` selects run, and all of them with SOFTXENT_CONFORMANCE=full.
 */
export function conformInBrowser(tf: TensorFlow, backend: TfBackendName, filter?: RegExp): void {
  if ('document' in globalThis) {
    const isFull = SOFTXENT_CONFORMANCE === 'full';
    const some = { quick: true, ...(filter === undefined ? {} : { filter }) };
    conformanceTests(tfjs(tf, { backend }), { describe, it, afterAll }, isFull ? {} : some);
    return;
  }
  test.skip(`conformance of tfjs-${backend}: no Chromium was found (CHROME_PATH names one)`, () =>
    expect.unreachable());
}
