import { existsSync } from 'node:fs';
import process from 'node:process';
import { defineConfig } from 'vitest/config';

// Tests run on the sources of every package of the workspace: nothing needs to be built first.
const conditions = ['@softxent/source', 'module', 'node', 'import', 'default'];

// ONNX Runtime's WebGPU provider wants a Vulkan driver. Debian's chromium carries one in software; it must be named before the first
// test process starts. SOFTXENT_WEBGPU_ADAPTER=system: take what the machine has.
const software = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (process.env['SOFTXENT_WEBGPU_ADAPTER'] !== 'system' && existsSync(software)) {
  process.env['VK_ICD_FILENAMES'] ??= software;
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Processes: ONNX Runtime's WebGPU device and its pool of WebAssembly threads exist once a process.
    pool: 'forks',
    testTimeout: 30_000,
  },
});
