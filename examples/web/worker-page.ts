/** The session lives in a worker; the page stays free while it computes. */
import type { Fit } from './fit.js';
import { describe } from './fit.js';

/** What the worker answers. */
export type Answer = { readonly description: string; readonly result: Fit } | { readonly error: string };

const output = document.querySelector('#result') as HTMLOutputElement;
const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
  output.value = 'error' in data ? data.error : describe(data.description, data.result);
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
worker.postMessage({ steps: 200 });
