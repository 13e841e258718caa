import { describe, expect, it, vi } from 'vitest';
import * as core from '../index.js';
import { plainBackend } from '../testing/plain-backend.js';

const { tensor, f32, u8, sigmoidCrossEntropy, softmaxCrossEntropy, open, openSync } = core;

const logits = tensor(Float32Array.of(1, -2, 0.5, 3), [2, 2]);
const targets = tensor(Float32Array.of(1, 0.25, 0.5, 0), [2, 2]);

/** The plain backend with promises, and a pause before each answer, so that calls overlap. */
function slowBackend(): core.Backend {
  const plain = plainBackend();
  const later = async <T>(value: T): Promise<T> => {
    await new Promise((resolve) => setImmediate(resolve));
    return value;
  };
  return {
    name: 'slow',
    async open() {
      const device = plain.openSync() as core.SyncDevice;
      return later({
        ...device,
        compile: async (plan) => {
          const kernel = device.compile(plan);
          return later({
            ...kernel,
            run: async (bindings: core.Bindings<unknown>) => later(kernel.run(bindings)),
          });
        },
        write: async (...args) => later(device.write(...args)),
        read: async (...args) => later(device.read(...args)),
      } satisfies core.Device);
    },
  };
}

describe('a session', () => {
  it('gives the same numbers with promises and without', async () => {
    const sync = openSync(plainBackend());
    await using session = await open(slowBackend());
    for (const loss of [sigmoidCrossEntropy(), softmaxCrossEntropy({ reduction: 'sum' })]) {
      const mine = sync.valueAndGrad(loss, { logits, targets });
      expect(await session.valueAndGrad(loss, { logits, targets })).toEqual(mine);
      expect(await session.value(loss, { logits, targets })).toBe(mine.value);
      expect(sync.value(loss, { logits, targets })).toBe(mine.value);
    }
  });

  it('keeps calls apart that are made at the same time, though they share a compiled loss', async () => {
    await using session = await open(slowBackend());
    const loss = sigmoidCrossEntropy({ reduction: 'sum' });
    const sync = openSync(plainBackend());
    const inputs = Array.from({ length: 6 }, (_, i) => tensor(Float32Array.of(i, -i, 2 * i, 1), [2, 2]));
    const found = await Promise.all(inputs.map((x) => session.valueAndGrad(loss, { logits: x, targets })));
    found.forEach((result, i) => {
      expect(result).toEqual(sync.valueAndGrad(loss, { logits: inputs[i], targets }));
    });
  });

  it('compiles a loss once for calls of the same shapes', () => {
    const compiled = vi.fn<() => void>();
    const session = openSync(plainBackend({ compiled }));
    const loss = (): core.Loss<'mean', 'logits'> => sigmoidCrossEntropy({ posWeight: 2 });
    for (let i = 0; i < 3; i++) session.valueAndGrad(loss(), { logits, targets });
    expect(compiled).toHaveBeenCalledTimes(1);
    session.value(loss(), { logits, targets });
    expect(compiled).toHaveBeenCalledTimes(2);
  });

  it('neither plans nor allocates in a compiled loop over device tensors', () => {
    const [allocated, compiled] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const session = openSync(plainBackend({ allocated, compiled }));
    const specs = { logits: f32([2, 2]), targets: f32([2, 2]) };
    const step = session.compile(sigmoidCrossEntropy(), specs);
    const operands = { logits: session.upload(logits), targets: session.upload(targets) };
    const out = session.allocate(f32([2, 2]));
    const before = allocated.mock.calls.length;
    const values = [1, 2, 3].map(() => step.run(operands, { into: { gradients: { logits: out } } }).value);
    expect(new Set(values).size).toBe(1);
    expect(allocated.mock.calls.length).toBe(before);
    expect(compiled).toHaveBeenCalledTimes(1);
    const expected = session.valueAndGrad(sigmoidCrossEntropy(), { logits, targets });
    expect(session.download(out)).toEqual(expected.gradients.logits);
  });

  it('reuses its own buffers in a compiled loop over host tensors', () => {
    const allocated = vi.fn<() => void>();
    const session = openSync(plainBackend({ allocated }));
    const step = session.compile(sigmoidCrossEntropy(), { logits: f32([2, 2]), targets: f32([2, 2]) });
    const gradient = tensor(new Float32Array(4), [2, 2]);
    const run = (): unknown => step.run({ logits, targets }, { into: { gradients: { logits: gradient } } });
    run();
    const before = allocated.mock.calls.length;
    run();
    expect(allocated.mock.calls.length).toBe(before);
    expect(gradient.data[0]).not.toBe(0);
  });

  it('puts results where it is told to', () => {
    const session = openSync(plainBackend());
    const loss = sigmoidCrossEntropy({ reduction: 'none' });
    const host = session.valueAndGrad(loss, { logits, targets });
    const onDevice = session.valueAndGrad(loss, { logits, targets }, { results: 'device' });
    expect(onDevice.value).toBeInstanceOf(core.DeviceTensor);
    expect(session.download(onDevice.value)).toEqual(host.value);
    expect(session.download(onDevice.gradients.logits)).toEqual(host.gradients.logits);
    const value = tensor(new Float32Array(4), [2, 2]);
    expect(session.value(loss, { logits, targets }, { into: { value } })).toBe(value);
    expect(value).toEqual(host.value);
  });

  it('multiplies gradients by what flows in from above', () => {
    const session = openSync(plainBackend());
    const loss = sigmoidCrossEntropy({ reduction: 'sum' });
    const once = session.valueAndGrad(loss, { logits, targets });
    const twice = session.valueAndGrad(loss, { logits, targets }, { upstream: 2 });
    expect(twice.value).toBe(once.value);
    expect(twice.gradients.logits.data).toEqual(once.gradients.logits.data.map((g) => 2 * g));
  });

  it('divides by what counts, and by nothing where nothing does', () => {
    const session = openSync(plainBackend());
    const mask = tensor(Uint8Array.of(1, 0, 0, 1), [2, 2]);
    const loss = sigmoidCrossEntropy({ reduction: 'mean-valid' });
    const some = session.valueAndGrad(loss, { logits, targets, mask });
    expect(some.divisor).toBe(2);
    expect(Array.from(some.gradients.logits.data.subarray(1, 3))).toEqual([0, 0]);
    const none = session.valueAndGrad(loss, { logits, targets, mask: tensor(new Uint8Array(1)) });
    expect(none).toMatchObject({ value: 0, divisor: 0 });
    expect(Array.from(none.gradients.logits.data)).toEqual([0, 0, 0, 0]);
  });

  it('gives 0 and gradients of 0 where weights add up to 0, even with infinite losses', () => {
    const session = openSync(plainBackend());
    const loss = core.binaryCrossEntropy({ reduction: 'mean-weight' });
    const result = session.valueAndGrad(loss, {
      probabilities: tensor(Float32Array.of(0, 0.5)),
      targets: tensor(Float32Array.of(1, 1)),
      weights: tensor(Float32Array.of(1, -1)),
    });
    expect(result.value).toBe(0);
    expect(Array.from(result.gradients.probabilities.data)).toEqual([0, 0]);
  });

  it('computes empty tensors without running anything', () => {
    const session = openSync(plainBackend());
    const empty = {
      logits: tensor(new Float32Array(0), [0, 3]),
      targets: tensor(new Float32Array(0), [0, 3]),
    };
    expect(session.valueAndGrad(softmaxCrossEntropy(), empty)).toMatchObject({ value: 0, divisor: 0 });
    expect(session.value(sigmoidCrossEntropy({ reduction: 'none' }), empty).data).toHaveLength(0);
    const regions = {
      logits: tensor(new Float32Array(0), [2, 3, 0]),
      targets: tensor(new Float32Array(0), [2, 3, 0]),
    };
    expect(session.value(core.dice({ reduction: 'none' }), regions)).toEqual(
      tensor(new Float32Array(6), [2, 3]),
    );
  });
});

describe('a session checks targets when asked to', () => {
  const bad = tensor(Float32Array.of(1, 1.5, NaN, 0), [2, 2]);

  it('counts those that are no probabilities', () => {
    const session = openSync(plainBackend());
    const loss = sigmoidCrossEntropy({ validate: 'count', reduction: 'sum' });
    expect(session.valueAndGrad(loss, { logits, targets: bad }).invalid).toBe(2);
    expect(session.valueAndGrad(loss, { logits, targets }).invalid).toBe(0);
    const mask = tensor(Uint8Array.of(1, 0), [2]);
    expect(session.valueAndGrad(loss, { logits, targets: bad, mask }).invalid).toBe(1);
  });

  it.each([
    [
      'an element',
      sigmoidCrossEntropy({ validate: 'throw' }),
      bad,
      [0, 1],
      /found 1.5, expected a number in \[0, 1\]/,
    ],
    [
      'a row that sums to something else',
      softmaxCrossEntropy({ validate: 'throw' }),
      tensor(Float32Array.of(0.5, 0.5, 0.5, 0.25), [2, 2]),
      [1, 0],
      /a row that sums to 0.75/,
    ],
    [
      'a label',
      softmaxCrossEntropy({ validate: 'throw', ignoreValue: -1 }),
      tensor(Int32Array.of(-1, 2)),
      [1],
      /label 2, expected a label from 0 to 1/,
    ],
  ] as const)('throws with the first: %s', (_, loss, wrong, index, message) => {
    const session = openSync(plainBackend());
    const attempt = (): unknown => session.value(loss, { logits, targets: wrong });
    expect(attempt).toThrow(core.InvalidTargetsError);
    expect(attempt).toThrow(message);
    const onDevice = session.upload(wrong);
    const again = (): unknown => session.value(loss, { logits, targets: onDevice });
    expect(again).toThrow(expect.objectContaining({ index }) as unknown);
  });

  it('passes over ignored targets in half precision, whose value is rounded as they are', () => {
    const session = openSync(plainBackend());
    const loss = sigmoidCrossEntropy({ validate: 'throw', ignoreValue: 1.1 });
    const half = core.float16(Uint16Array.of(core.numberToFloat16(1.1), core.numberToFloat16(2)));
    const attempt = (): unknown =>
      session.value(loss, { logits: tensor(Float32Array.of(1, 2)), targets: half });
    expect(attempt).toThrow(/targets: 1 invalid, the first at \[1\]: found 2/);
  });

  it('rejects the promise of an asynchronous session', async () => {
    await using session = await open(slowBackend());
    const loss = sigmoidCrossEntropy({ validate: 'throw' });
    await expect(session.value(loss, { logits, targets: bad })).rejects.toBeInstanceOf(
      core.InvalidTargetsError,
    );
    await expect(session.value(loss, { logits, targets })).resolves.toBeGreaterThan(0);
  });
});

describe('a session refuses', () => {
  const session = openSync(plainBackend());
  const bce = sigmoidCrossEntropy();
  const step = session.compile(bce, { logits: f32([2, 2]), targets: f32([2, 2]) });

  it.each([
    [
      'data that do not fill the shape',
      () =>
        session.value(bce, { logits: { dtype: 'float32', shape: [3], data: new Float32Array(2) }, targets }),
      core.ShapeError,
      /logits: found/,
    ],
    [
      'data of another type than the dtype',
      () =>
        session.value(bce, {
          logits: { dtype: 'float32', shape: [2, 2], data: new Float64Array(4) as never },
          targets,
        }),
      core.DTypeError,
      /Float64Array for dtype float32, expected Float32Array/,
    ],
    [
      'something that is no tensor',
      () => session.value(bce, { logits: [1, 2] as never, targets }),
      core.SoftxentError,
      /logits/,
    ],
    [
      'a loss that is a plain object',
      () => session.value({ kind: 'x', options: {} } as never, { logits, targets }),
      core.OperandError,
      /loss: found a plain object/,
    ],
    [
      'operands of other shapes than compiled for',
      () => step.run({ logits: tensor(new Float32Array(2)), targets }),
      core.ShapeError,
      /\[2, 2\], for which the loss was compiled/,
    ],
    [
      'an operand that was not compiled in',
      () => step.run({ logits, targets, mask: tensor(new Uint8Array(4), [2, 2]) }),
      core.OperandError,
      /mask: found an operand that the loss was not compiled with/,
    ],
    ['a missing operand', () => step.run({ logits }), core.OperandError, /targets: found nothing/],
    [
      'a place of the wrong shape',
      () => step.run({ logits, targets }, { into: { gradients: { logits: tensor(new Float32Array(3)) } } }),
      core.ShapeError,
      /place for gradient:logits/,
    ],
    [
      'a place for what is not computed',
      () => step.run({ logits, targets }, { into: { value: tensor(new Float32Array(4), [2, 2]) } }),
      core.OperandError,
      /place for value/,
    ],
    [
      'tensors of another session',
      () => session.value(bce, { logits: openSync(plainBackend()).upload(logits), targets }),
      core.OperandError,
      /another session/,
    ],
  ] as const)('%s', (_, attempt, type, message) => {
    expect(attempt).toThrow(type);
    expect(attempt).toThrow(message);
  });

  it('a dtype that the device lacks, by name, before it compiles', () => {
    const compiled = vi.fn<() => void>();
    const plain = plainBackend({ compiled });
    const backend: core.SyncBackend = {
      name: 'narrow',
      open: () => backend.openSync(),
      openSync() {
        const device = plain.openSync() as core.SyncDevice;
        return { ...device, capabilities: { ...device.capabilities, predictions: ['float32'] } };
      },
    };
    const attempt = (): unknown =>
      openSync(backend).value(bce, {
        logits: tensor(new Float64Array(2)),
        targets: tensor(new Float64Array(2)),
      });
    expect(attempt).toThrow(core.CapabilityError);
    expect(attempt).toThrow(/backend narrow lacks the capability float64 predictions/);
    expect(compiled).not.toHaveBeenCalled();
  });

  it('a backend with promises where none may be', () => {
    expect(() => openSync(slowBackend() as core.SyncBackend)).toThrow(core.BackendUnavailableError);
  });

  it('everything after its disposal, and frees what it holds', async () => {
    const [allocated, freed, disposed] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()];
    const mine = openSync(plainBackend({ allocated, freed, disposed }));
    const kept = mine.upload(logits);
    mine.valueAndGrad(bce, { logits, targets });
    const compiled = mine.compile(bce, { logits: f32([2, 2]), targets: f32([2, 2]) });
    mine.dispose();
    mine.dispose();
    expect(disposed).toHaveBeenCalledTimes(1);
    expect(freed.mock.calls.length).toBe(allocated.mock.calls.length);
    for (const attempt of [
      () => mine.value(bce, { logits, targets }),
      () => mine.upload(logits),
      () => mine.allocate(u8([1])),
      () => mine.download(kept),
      () => mine.compile(bce, { logits: f32([1]), targets: f32([1]) }),
      () => compiled.run({ logits, targets }),
      () => kept.view(),
    ]) {
      expect(attempt).toThrow(core.DisposedError);
    }
    const slow = await open(slowBackend());
    const running = slow.value(bce, { logits, targets });
    await slow.dispose();
    await expect(running).resolves.toBeGreaterThan(0);
    await expect(slow.value(bce, { logits, targets })).rejects.toBeInstanceOf(core.DisposedError);
  });

  it('a freed tensor', () => {
    using tensorOnDevice = session.upload(logits);
    tensorOnDevice.free();
    expect(() => session.value(bce, { logits: tensorOnDevice, targets })).toThrow(core.DisposedError);
  });
});
