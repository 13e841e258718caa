import { defineConfig } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts', 'web/**/*.test.ts'],
    // Processes: ONNX Runtime and TensorFlow.js keep state that is one a process.
    pool: 'forks',
    testTimeout: 60_000,
  },
});
