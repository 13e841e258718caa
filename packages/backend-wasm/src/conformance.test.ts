import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { wasm } from './index.js';

// One thread runs the whole suite; the same bits on other numbers of threads are one of its promises.
conformanceTests(
  wasm({ threads: 1 }),
  { describe, it, afterAll },
  { variants: [2, 3].map((threads) => wasm({ threads })) },
);
conformanceTests(wasm({ threads: 2 }), { describe, it, afterAll }, { quick: true });
