import { existsSync } from 'node:fs';
import process from 'node:process';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

// ONNX Runtime's WebGPU provider wants a Vulkan driver. Debian's chromium carries one in software; it must be named before the first
// test process starts. SOFTXENT_WEBGPU_ADAPTER=system: take what the machine has.
const software = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system' && existsSync(software)) {
  process.env['VK_ICD_FILENAMES'] ??= software;
}

// A browser is used where one is installed; conformance.gpu.test.ts says so where it is not.
const chromium = [process.env['CHROME_PATH'], '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (path) => path !== undefined && existsSync(path),
);

const node: TestProjectInlineConfiguration = {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name: 'node',
    include: ['src/**/*.test.ts'],
    exclude: ['src/**/*.browser.test.ts'],
    env: { SOFTXENT_CHROMIUM: chromium ?? '' },
    // Processes: ONNX Runtime's WebGPU device and its pool of WebAssembly threads exist once a process.
    pool: 'forks',
    testTimeout: 30_000,
  },
};

const browser = (executablePath: string): TestProjectInlineConfiguration => ({
  resolve: { conditions: ['@softxent/source', 'module', 'browser', 'import', 'default'] },
  // Its WebAssembly files stand beside its own module.
  optimizeDeps: { exclude: ['onnxruntime-web', 'onnxruntime-web/webgpu'] },
  test: {
    name: 'chromium',
    include: ['src/**/*.browser.test.ts'],
    testTimeout: 60_000,
    env: { SOFTXENT_CONFORMANCE: process.env['SOFTXENT_CONFORMANCE'] ?? '' },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({
        launchOptions: {
          executablePath,
          args: [
            '--no-sandbox',
            '--enable-unsafe-webgpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-sync',
          ],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
});

export default defineConfig({
  test: { projects: chromium === undefined ? [node] : [node, browser(chromium)] },
});
