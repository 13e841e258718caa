import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  CapabilityError,
  DeviceError,
  DisposedError,
  f32,
  isSync,
  open,
  openSync,
  OptionError,
  sigmoidCrossEntropy,
  tensor,
} from '@softxent/core';
import { describe, expect, it, vi } from 'vitest';
import { wasm } from './index.js';
import { control } from './threads/control.js';

describe('options', () => {
  it('that are no number of threads are refused by name', () => {
    for (const threads of [0, -1, 1.5, NaN, 1000]) {
      expect(() => wasm({ threads })).toThrow(OptionError);
      expect(() => wasm({ threads })).toThrow('wasm option threads');
    }
  });

  it('ask for threads, and the description says how many there are', async () => {
    await using session = await open(wasm({ threads: 2 }));
    expect(session.description).toMatch(/^wasm \(.*SIMD, 2 threads\)$/);
    expect(session.capabilities.threads).toBe(2);
  });
});

it('computes on one thread, and says why, where memory cannot be shared', async () => {
  vi.stubGlobal('SharedArrayBuffer', undefined);
  vi.resetModules();
  try {
    const { wasm: fresh } = await import('./index.js');
    await using session = await open(fresh({ threads: 4 }));
    expect(session.description).toContain('1 thread (no SharedArrayBuffer');
    expect(session.capabilities.threads).toBe(1);
    const operands = { logits: tensor(Float32Array.of(0)), targets: tensor(Float32Array.of(0.5)) };
    expect(await session.value(sigmoidCrossEntropy(), operands)).toBeCloseTo(Math.LN2, 6);
  } finally {
    vi.unstubAllGlobals();
    vi.resetModules();
  }
});

it('opens without promises, on one thread', () => {
  const backend = wasm({ threads: 4 });
  expect(isSync(backend)).toBe(true);
  using session = openSync(backend);
  expect(session.capabilities.threads).toBe(1);
});

describe('memory', () => {
  it('uses tensors of the session and views of them where they are', () => {
    using session = openSync(wasm());
    const logits = session.allocate(f32([8]));
    const targets = session.allocate(f32([8]));
    logits.view()!.set([1, -2, 3, -4, 5, -6, 7, -8]);
    targets.view()!.fill(0.5);
    const gradient = session.allocate(f32([8]));
    const into = { gradients: { logits: tensor(gradient.view()!) } };
    const result = session.valueAndGrad(
      sigmoidCrossEntropy({ reduction: 'sum' }),
      { logits, targets },
      { into },
    );
    expect(result.gradients.logits).toBe(into.gradients.logits);
    expect(gradient.view()![0]).toBeCloseTo(1 / (1 + Math.exp(-1)) - 0.5, 6);
  });

  it('is reused: freed tensors make room for others of their size', () => {
    using session = openSync(wasm());
    const sizes = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const big = session.allocate(f32([1 << 22]));
      sizes.add(big.view()!.buffer.byteLength);
      big.free();
    }
    expect(sizes.size).toBe(1);
  });

  it('that cannot hold a tensor is an error that says what to do', () => {
    using session = openSync(wasm());
    expect(() => session.allocate(f32([2 ** 30]))).toThrow(DeviceError);
    expect(() => session.allocate(f32([2 ** 30]))).toThrow('slices along the first dimension');
    // The session goes on.
    expect(session.allocate(f32([16])).view()!.length).toBe(16);
  });
});

it('ends a compilation under way when it is disposed of', async () => {
  const session = await open(wasm({ threads: 2 }));
  const specs = { logits: f32([4]), targets: f32([4]) };
  const compiling = Promise.allSettled([session.compile(sigmoidCrossEntropy(), specs)]);
  await session.dispose();
  const [outcome] = await compiling;
  expect(outcome?.status).toBe('rejected');
  expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(DisposedError);
});

it('refuses dtypes that it has no code for', () => {
  using session = openSync(wasm());
  const operands = { logits: tensor(new Float64Array(4)), targets: tensor(new Float64Array(4)) };
  expect(() => session.value(sigmoidCrossEntropy(), operands)).toThrow(CapabilityError);
});

it('does not keep a process alive whose session was never disposed of', () => {
  // A worker cannot load sources in TypeScript, so the pool's own files are tried as they stand.
  const pool = new URL('./threads/worker.js', import.meta.url);
  const script = `
    import { Worker } from 'node:worker_threads';
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const worker = new Worker(new URL(${JSON.stringify(pool.href)}), { execArgv: [] });
    worker.postMessage({ type: 'start', memory, address: 0, control: ${JSON.stringify(control)}, index: 1 });
    await new Promise((resolve) => worker.once('message', resolve));
    worker.postMessage({ type: 'work' });
    worker.unref();
    console.log('started');
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: 20_000,
    encoding: 'utf8',
  });
  expect(output.trim()).toBe('started');
});
