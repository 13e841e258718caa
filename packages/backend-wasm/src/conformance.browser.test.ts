import { conformanceTests } from '@softxent/conformance';
import { open } from '@softxent/core';
import { afterAll, describe, expect, it } from 'vitest';
import { wasm } from './index.js';

const runner = { describe, it, afterAll };

describe('a page', () => {
  it('uses threads where it is cross-origin isolated, and else says why not', async () => {
    await using session = await open(wasm({ threads: 2 }));
    const expected = crossOriginIsolated
      ? '2 threads)'
      : '1 thread (no SharedArrayBuffer: the page is not cross-origin isolated))';
    expect(session.description).toMatch(/^wasm \(/);
    expect(session.description.endsWith(expected)).toBe(true);
  });
});

if (crossOriginIsolated) {
  conformanceTests(wasm({ threads: 1 }), runner, { variants: [wasm({ threads: 3 })] });
  conformanceTests(wasm({ threads: 2 }), runner);
} else {
  // The same code on another kind of memory.
  conformanceTests(wasm({ threads: 1 }), runner, { quick: true });
}
