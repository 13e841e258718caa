import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, expect, it } from 'vitest';
import { wasm } from './index.js';

const runner = { describe, it, afterAll };

conformanceTests(wasm({ threads: 1 }), runner, { variants: [2, 3].map((threads) => wasm({ threads })) });
conformanceTests(wasm({ threads: 2 }), runner);

it.runIf(process.env['SOFTXENT_BROWSER'] === 'none')(
  'in a browser: no Chromium for this machine, set CHROME_PATH to one',
  (context) => {
    context.skip();
    expect.unreachable();
  },
);
