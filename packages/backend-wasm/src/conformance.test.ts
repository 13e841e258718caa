import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { wasm } from './index.js';

const runner = { describe, it, afterAll };

conformanceTests(wasm({ threads: 1 }), runner, { variants: [2, 3].map((threads) => wasm({ threads })) });
conformanceTests(wasm({ threads: 2 }), runner);

// Named among what was skipped only where there is no browser.
const missing = process.env['SOFTXENT_BROWSER'] === 'none' ? ['no Chromium for this machine'] : [];
it.skip.each(missing)('in a browser: %s, set CHROME_PATH to one', () => expect.unreachable());
