import { defineConfig } from 'vite';

// Threads need memory that they share, and browsers give it to pages that are isolated by these headers alone.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

// Branches for Node stay as they are: no browser gets there.
const rolldownOptions = { external: /^node:/, checks: { pluginTimings: false } };

export default defineConfig({
  root: 'web',
  // Relative addresses: the site works from any folder of any file server.
  base: './',
  // The sources of every package of the workspace: nothing needs to be built first.
  resolve: { conditions: ['@softxent/source', 'module', 'browser', 'import', 'default'] },
  server: { headers },
  optimizeDeps: {
    // Found only when a worker imports them, which would load the page anew in the middle of a run.
    include: [
      '@jax-js/jax',
      '@observablehq/plot',
      '@tensorflow/tfjs',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-webgpu',
    ],
    // Its WebAssembly files stand beside its own module.
    exclude: ['onnxruntime-web', 'onnxruntime-web/webgpu'],
  },
  preview: { headers },
  build: { outDir: '../dist/web', emptyOutDir: true, rolldownOptions },
  worker: { format: 'es', rolldownOptions },
});
