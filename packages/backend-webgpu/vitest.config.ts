import process from 'node:process';
import { defineConfig } from 'vitest/config';
import { softwareAdapter } from './src/node/software-adapter.js';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

// Dawn reads these when a test process starts, so they are set here, before there is one. With
// SOFTXENT_WEBGPU_ADAPTER=system the tests run on what the machine has.
if (process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system' && process.platform === 'linux') {
  Object.assign(process.env, softwareAdapter());
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Processes, not threads: LD_LIBRARY_PATH counts when a process starts. One: a software adapter takes every core.
    pool: 'forks',
    maxWorkers: 1,
    isolate: false,
    testTimeout: 30_000,
  },
});
