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
// which runs with SOFTXENT_CONFORMANCE=full. Else every loss is held with its options and extremes, and in Node one element loss,
// one class loss and sessions to all quick checks.
const isFull = import.meta.env['SOFTXENT_CONFORMANCE'] === 'full';
const inBrowser = /^\w+: float32 (predictions, (float32|int32) targets|extremes)/;
// Checks that are not about one loss are named by sentences; capabilities, which filters look at as well, are shorter or name
// a loss and a dtype.
const sessions = /^weights may|^(?!more losses|\w+: |\w+, ).{24,}$/;
const representative = /^(sigmoid|softmax)CrossEntropy: /;
const inNode = new RegExp([inBrowser, sessions, representative].map(({ source }) => source).join('|'));
const filter = 'window' in globalThis ? inBrowser : inNode;

conformanceTests(webgpu(), { describe, it, afterAll }, isFull ? {} : { filter, quick: true });
