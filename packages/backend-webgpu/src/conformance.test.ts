import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { webgpu } from './index.js';

declare global {
  interface ImportMeta {
    /** Vite puts it there. */
    readonly env: Readonly<Record<string, string | undefined>>;
  }
}

// In Node and in Chromium. A software adapter takes a tenth of a second to compile a kernel, and so minutes for the whole suite,
// which runs with SOFTXENT_CONFORMANCE=full. Else Chromium gets every loss with its options and extremes; Node gets the quick
// checks, but those that bind a loss in dozens of ways with one element loss and one class loss only.
const isFull = import.meta.env['SOFTXENT_CONFORMANCE'] === 'full';
const inBrowser = /^\w+: float32 (predictions, (float32|int32) targets|extremes)/;
const inNode = new RegExp(
  [
    '^(sigmoid|softmax)CrossEntropy: ',
    '^\\w+: (float|masked|the |a weight|operands|upstream)',
    // What is not about one loss; sentences, which capabilities, looked at as well, are not.
    '^weights may|^(?!more losses|\\w+: ).{24,}$',
  ].join('|'),
);
const filter = 'window' in globalThis ? inBrowser : inNode;

conformanceTests(webgpu(), { describe, it, afterAll }, isFull ? {} : { filter, quick: true });
