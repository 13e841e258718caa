import process from 'node:process';
import { defineConfig } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

// WebGPU runs on SwiftShader from npm (Linux on x64), which must be named before the first test process starts; with
// SOFTXENT_WEBGPU_ADAPTER=system on what the machine has. Where it cannot be brought, src/devices.test.ts says what it skips.
if (process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system') {
  try {
    const { softwareAdapter } = await import('@softxent/backend-webgpu/software-adapter');
    Object.assign(process.env, softwareAdapter());
  } catch (cause) {
    process.env['SOFTXENT_NO_ADAPTER'] = String(cause);
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Processes: the drivers' folder counts when a process starts.
    pool: 'forks',
    // Training takes a while where other work has the processors.
    testTimeout: 60_000,
  },
});
