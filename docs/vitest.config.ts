import { defineConfig } from 'vitest/config';

// Blocks run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Pages with files run in a folder of their own, which threads cannot change to.
    pool: 'forks',
    // Compiling all pages takes a while where other work has the processors.
    testTimeout: 120_000,
  },
});
