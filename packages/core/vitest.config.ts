import { defineConfig } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // A busy machine is no failure: nothing here measures time.
    testTimeout: 60_000,
  },
});
