import { describe, expect, test } from 'vitest';
import { GraphBuilder } from '../graph/index.js';
import { nodePlacement, openSession, probeProvider, type HostTensor } from './index.js';

function doubling(dtype: 'float32' | 'float64' | 'int64' = 'float32'): Uint8Array<ArrayBuffer> {
  const g = new GraphBuilder();
  g.output('y', g.mul(g.input('x', dtype, ['n']), 2));
  return g.toBytes();
}

const three: HostTensor = { dtype: 'float32', shape: [3], data: Float32Array.of(1, 2, 3) };

describe.each(['cpu', 'wasm'] as const)('a session on %s', (provider) => {
  const options = { provider, threads: 1 } as const;

  test('runs a graph and names its inputs and outputs', async () => {
    await using session = await openSession(doubling(), options);
    expect([session.inputNames, session.outputNames]).toEqual([['x'], ['y']]);
    expect(await session.run({ x: three })).toEqual({ y: { ...three, data: Float32Array.of(2, 4, 6) } });
  });

  test('keeps int64 and float64 apart', async () => {
    await using whole = await openSession(doubling('int64'), options);
    const { y } = await whole.run({ x: { dtype: 'int64', shape: [1], data: BigInt64Array.of(2n ** 60n) } });
    expect(y).toEqual({ dtype: 'int64', shape: [1], data: BigInt64Array.of(2n ** 61n) });
    await using wide = await openSession(doubling('float64'), options);
    const { y: tiny } = await wide.run({
      x: { dtype: 'float64', shape: [1], data: Float64Array.of(1e-200) },
    });
    expect(tiny!.data[0]).toBe(2e-200);
  });

  test('reads an input on shared memory and an empty one', async () => {
    await using session = await openSession(doubling(), options);
    const shared = new Float32Array(new SharedArrayBuffer(8)).fill(
      2,
    ) as Float32Array as Float32Array<ArrayBuffer>;
    const { y } = await session.run({ x: { dtype: 'float32', shape: [2], data: shared } });
    expect(Array.from(y!.data, Number)).toEqual([4, 4]);
    const { y: none } = await session.run({ x: { dtype: 'float32', shape: [0], data: new Float32Array(0) } });
    expect(none).toEqual({ dtype: 'float32', shape: [0], data: new Float32Array(0) });
  });

  test('says what is wrong with an input', async () => {
    await using session = await openSession(doubling(), options);
    const wrong: HostTensor = { dtype: 'float64', shape: [1], data: Float64Array.of(1) };
    await expect(session.run({ x: wrong })).rejects.toMatchObject({
      code: 'DEVICE',
      backend: `onnx-${provider}`,
    });
    await expect(session.run({})).rejects.toMatchObject({ code: 'DEVICE' });
  });

  test('refuses a graph that is none, and use after closing', async () => {
    await expect(openSession(new Uint8Array([1, 2, 3]), options)).rejects.toMatchObject({
      code: 'ONNX_GRAPH',
    });
    const session = await openSession(doubling(), options);
    await session.close();
    await session.close();
    await expect(session.run({ x: three })).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

test('the profile names the provider of every node of the graph', async () => {
  const g = new GraphBuilder();
  g.output('y', g.exp(g.neg(g.input('x', 'float32', ['n']))));
  const placement = await nodePlacement(g.toBytes(), { x: three }, { provider: 'cpu', threads: 1 });
  expect(placement.map(({ operator, provider }) => [operator, provider])).toEqual([
    ['Neg', 'CPUExecutionProvider'],
    ['Exp', 'CPUExecutionProvider'],
  ]);
});

test('the number of wasm threads cannot change within a process', async () => {
  await openSession(doubling(), { provider: 'wasm', threads: 1 });
  await expect(openSession(doubling(), { provider: 'wasm', threads: 2 })).rejects.toThrow(
    'threads: 2 asked for',
  );
});

const cuda: unknown = await probeProvider({ provider: 'cuda' }).catch((error: unknown) => error);
const missing = cuda === undefined ? ' (skipped: this machine has CUDA)' : '';

test.skipIf(cuda === undefined)(
  `a missing CUDA provider is an error that says what to install${missing}`,
  async () => {
    expect(cuda).toMatchObject({ code: 'BACKEND_UNAVAILABLE', backend: 'onnx-cuda' });
    expect((cuda as Error).message).toMatch(/install script.*CUDA 12 and cuDNN 9/s);
    await expect(openSession(doubling(), { provider: 'cuda' })).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
    });
  },
);
