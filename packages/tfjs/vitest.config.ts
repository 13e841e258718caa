import { existsSync } from 'node:fs';
import process from 'node:process';
import { playwright } from '@vitest/browser-playwright';
import { chromium } from 'playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'import', 'default'];

// TensorFlow.js has WebGL and WebGPU in browsers only. CHROME_PATH names a Chromium; else it is looked for.
const browser = [
  process.env['CHROME_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  chromium.executablePath(),
].find((path) => path !== undefined && existsSync(path));

const inBrowser = 'src/**/*.browser.test.ts';
const shared = { resolve: { conditions }, ssr: { resolve: { conditions: ['node', ...conditions] } } };

const node: TestProjectInlineConfiguration = {
  ...shared,
  resolve: { conditions: ['node', ...conditions] },
  test: {
    testTimeout: 30_000,
    name: 'node',
    include: ['src/**/*.test.ts', 'examples/**/*.test.ts'],
    // Where there is no browser its tests say so themselves.
    exclude: browser === undefined ? [] : [inBrowser],
  },
};

const page: TestProjectInlineConfiguration = {
  ...shared,
  define: { SOFTXENT_CONFORMANCE: JSON.stringify(process.env['SOFTXENT_CONFORMANCE'] ?? 'quick') },
  optimizeDeps: {
    include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgl', '@tensorflow/tfjs-backend-webgpu'],
  },
  test: {
    // Shaders are compiled, in software.
    testTimeout: 300_000,
    name: 'chromium',
    include: [inBrowser],
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          ...(browser === undefined ? {} : { executablePath: browser }),
          // WebGL and WebGPU in software, for machines without a GPU.
          args: ['--no-sandbox', '--enable-unsafe-swiftshader', '--enable-unsafe-webgpu'],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
};

export default defineConfig({ test: { projects: browser === undefined ? [node] : [node, page] } });
