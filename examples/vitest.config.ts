import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    // Packages are packed, installed, bundled and run in a browser.
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
