import process from 'node:process';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { headlessChromium, softwareAdapter } from './src/node/software-adapter.js';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'import', 'default'];

// On Linux (x64) everything runs on SwiftShader, in Node and in a Chromium that both come from npm. With
// SOFTXENT_WEBGPU_ADAPTER=system, and elsewhere, Node takes what the machine has, and the browser is left out.
const hasSoftware = process.platform === 'linux' && process.arch === 'x64';
const isSoftware = hasSoftware && process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system';
const browser = isSoftware ? headlessChromium() : undefined;
// Dawn reads these when a test process starts, so they are set here, before there is one.
if (isSoftware) Object.assign(process.env, softwareAdapter());

const env = {
  SOFTXENT_CONFORMANCE: process.env['SOFTXENT_CONFORMANCE'] ?? '',
  SOFTXENT_BROWSER: browser === undefined ? '' : 'chromium',
};

const node: TestProjectInlineConfiguration = {
  resolve: { conditions: ['node', ...conditions] },
  ssr: { resolve: { conditions: ['node', ...conditions] } },
  test: {
    name: 'node',
    include: ['src/**/*.test.ts'],
    exclude: ['src/**/*.browser.test.ts'],
    env,
    // Processes, not threads: LD_LIBRARY_PATH counts when a process starts. One: a software adapter takes every core.
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    testTimeout: 60_000,
  },
};

const page: TestProjectInlineConfiguration = {
  resolve: { conditions: ['browser', ...conditions] },
  optimizeDeps: {
    include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-webgpu'],
    // Its WebAssembly files stand beside its own module.
    exclude: ['onnxruntime-web', 'onnxruntime-web/webgpu'],
  },
  test: {
    name: 'chromium',
    include: ['src/**/*.browser.test.ts', 'src/conformance.test.ts', 'src/wgsl/math.test.ts'],
    env,
    fileParallelism: false,
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright(browser === undefined ? {} : { launchOptions: browser }),
      instances: [{ browser: 'chromium' }],
    },
  },
};

export default defineConfig({ test: { projects: browser === undefined ? [node] : [node, page] } });
