import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { webgpu } from './index.js';

declare global {
  interface ImportMeta {
    /** Vite puts it there. */
    readonly env: Readonly<Record<string, string | undefined>>;
  }
}

// In Node and in Chromium. A software adapter takes a tenth of a second and more to compile a kernel, minutes for those of the whole
// suite: every loss with its options and its extremes here, and all of it with SOFTXENT_CONFORMANCE=full.
const filter = /^[a-zA-Z]+: float32 (predictions, (float32|int32) targets|extremes)/;
const options = import.meta.env['SOFTXENT_CONFORMANCE'] === 'full' ? {} : { filter, quick: true };

conformanceTests(webgpu(), { describe, it, afterAll }, options);
