import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// Threads share memory, which browsers allow on isolated pages alone. A server of your own has to send these too.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
const page = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  server: { headers },
  preview: { headers },
  // Development: a worker is found beside the module that starts it, so that module has to stay where it is.
  optimizeDeps: { exclude: ['softxent', '@softxent/backend-wasm'] },
  worker: { format: 'es' },
  build: { target: 'es2022', rolldownOptions: { input: [page('index.html'), page('worker.html')] } },
});
