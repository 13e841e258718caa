import { afterEach, expect, it, vi } from 'vitest';
import { answerCalls, Callable, messageOf, type Methods } from './calls.js';

/** A worker whose thread is this one: what it is sent goes to the methods, what they answer comes back. */
function workerWith(methods: Methods): Worker & { isEnded: boolean } {
  const worker = Object.assign(new EventTarget(), { isEnded: false }) as unknown as Worker & {
    isEnded: boolean;
  };
  let hear: (event: { data: unknown }) => void = () => undefined;
  vi.stubGlobal('addEventListener', (_: string, listener: typeof hear) => (hear = listener));
  vi.stubGlobal('postMessage', (data: unknown) =>
    worker.dispatchEvent(Object.assign(new Event('message'), { data })),
  );
  answerCalls(methods);
  worker.postMessage = (data: unknown) => hear({ data });
  worker.terminate = () => (worker.isEnded = true);
  return worker;
}

afterEach(() => void vi.unstubAllGlobals());

it('brings arguments there and results back, each to its own call', async () => {
  const worker = new Callable(workerWith({ add: (a: number, b: number) => Promise.resolve(a + b) }));
  const sums = await Promise.all([worker.call('add', 1, 2), worker.call('add', 3, 4)]);
  expect(sums).toEqual([3, 7]);
});

it('rejects with the message of what was thrown there', async () => {
  const fail = (): Promise<never> => Promise.reject(new RangeError('out of memory'));
  const worker = new Callable(workerWith({ fail }));
  await expect(worker.call('fail')).rejects.toThrow('out of memory');
  await expect(worker.call('other')).rejects.toThrow('no method other');
});

it('rejects what is pending, and what comes after, when the worker ends', async () => {
  const inner = workerWith({ wait: () => new Promise(() => undefined) });
  const worker = new Callable(inner);
  const waiting = worker.call('wait');
  worker.terminate();
  await expect(waiting).rejects.toThrow('the worker was ended');
  await expect(worker.call('wait')).rejects.toThrow('the worker was ended');
  expect(inner.isEnded).toBe(true);
});

it('rejects what is pending when the script of the worker fails', async () => {
  const inner = workerWith({ wait: () => new Promise(() => undefined) });
  const waiting = new Callable(inner).call('wait');
  inner.dispatchEvent(Object.assign(new Event('error'), { message: 'no such script' }));
  await expect(waiting).rejects.toThrow('no such script');
});

it('has a text for whatever is thrown', () => {
  expect([new Error(' why '), 'text', undefined].map(messageOf)).toEqual(['why', 'text', 'undefined']);
});
