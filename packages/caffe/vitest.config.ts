import process from 'node:process';
import { defineConfig } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

// WebGPU runs on SwiftShader from npm (Linux on x64), which must be named before the first test process starts; with
// SOFTXENT_WEBGPU_ADAPTER=system on what the machine has. Where it cannot be brought, the test says that it is skipped.
if (process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system') {
  // Not a literal: its sources need the types of a browser, which this package does not have.
  const name: string = '@softxent/backend-webgpu/software-adapter';
  try {
    const { softwareAdapter } = (await import(name)) as {
      softwareAdapter: () => Record<string, string>;
    };
    Object.assign(process.env, softwareAdapter());
  } catch {
    // Then the test that wants it is skipped, with what Dawn says.
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Processes: the drivers' folder counts when a process starts.
    pool: 'forks',
    // Nothing is timed: this only ends a test that hangs, on however busy a machine.
    testTimeout: 60_000,
  },
});
