import { defineConfig } from 'vitest/config';

const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // A generated project is built and tested.
    testTimeout: 300_000,
  },
});
