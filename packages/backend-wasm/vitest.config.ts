import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { chromium } from './chromium.js';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'import', 'default'];

const launch = chromium();

const node: TestProjectInlineConfiguration = {
  resolve: { conditions: ['node', ...conditions] },
  ssr: { resolve: { conditions: ['node', ...conditions] } },
  test: {
    name: 'node',
    include: ['src/**/*.test.ts'],
    exclude: ['src/**/*.browser.test.ts'],
    testTimeout: 30_000,
    // Without a browser its tests are reported as skipped.
    env: launch === undefined ? { SOFTXENT_BROWSER: 'none' } : {},
  },
};

/** A page with memory that threads share, or without. */
function page(name: string, headers: Record<string, string>): TestProjectInlineConfiguration {
  return {
    resolve: { conditions: ['browser', ...conditions] },
    server: { headers },
    test: {
      name,
      include: ['src/**/*.browser.test.ts'],
      testTimeout: 60_000,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright(launch === undefined ? {} : { launchOptions: launch }),
        instances: [{ browser: 'chromium' }],
      },
    },
  };
}

const pages = [
  page('chromium, isolated', {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  }),
  page('chromium', {}),
];

export default defineConfig({ test: { projects: launch === undefined ? [node] : [node, ...pages] } });
