/** Computes what the page asks for. In a worker the session may start threads of its own. */
import { open, wasm } from 'softxent';
import { fit } from './fit.js';
import type { Answer } from './worker-page.js';

addEventListener('message', ({ data }: MessageEvent<{ readonly steps: number }>) => {
  answer(data.steps).then(
    (value) => postMessage(value),
    (error: unknown) => postMessage({ error: String(error) } satisfies Answer),
  );
});

async function answer(steps: number): Promise<Answer> {
  await using session = await open(wasm({ threads: 2 }));
  return { description: session.description, result: await fit(session, steps) };
}
