import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    // A generated project is built and tested.
    testTimeout: 300_000,
  },
});
