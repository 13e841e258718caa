import { plainBackend } from '@softxent/core/testing';
import { describe, expect, it, vi } from 'vitest';
import {
  auto,
  BackendUnavailableError,
  candidatesFor,
  open,
  OptionError,
  sigmoidCrossEntropy,
  tensor,
  type Backend,
} from './index.js';

const operands = { logits: tensor(Float32Array.of(1, -2)), targets: tensor(Float32Array.of(1, 0.25)) };

function missing(name: string, reason: string): Backend {
  return {
    name,
    open() {
      throw new BackendUnavailableError(name, reason);
    },
  };
}

describe('auto()', () => {
  it('opens a backend here, and computes on it', async () => {
    await using session = await open(auto());
    expect(session.description).toMatch(/^(wasm|cpu)/);
    expect(await session.value(sigmoidCrossEntropy({ reduction: 'sum' }), operands)).toBeCloseTo(0.9402, 4);
  });

  it('passes over what does not open, and says why', async () => {
    const candidates = [
      { backend: missing('first', 'no such device') },
      { backend: plainBackend() as Backend },
    ];
    await using session = await open(auto({ candidates }));
    expect(session.description).toBe(
      'plain (evaluates expressions one at a time); not first: no such device',
    );
    expect(await session.value(sigmoidCrossEntropy(), operands)).toBeGreaterThan(0);
  });

  it('disposes of a device that it refuses', async () => {
    const disposed = vi.fn<() => void>();
    const candidates = [
      { backend: plainBackend({ disposed }) as Backend, refuse: () => 'too slow' },
      { backend: plainBackend() as Backend },
    ];
    await using session = await open(auto({ candidates }));
    expect(session.description).toContain('not plain: too slow');
    expect(disposed).toHaveBeenCalledTimes(1);
  });

  it('fails with every reason where nothing opens', async () => {
    const candidates = [{ backend: missing('a', 'why a') }, { backend: missing('b', 'why b') }];
    await expect(open(auto({ candidates }))).rejects.toThrow('a: why a; b: why b');
    await expect(open(auto({ candidates: [] }))).rejects.toThrow(BackendUnavailableError);
  });

  it('does not take a defect for a missing device', async () => {
    const broken: Backend = {
      name: 'broken',
      open() {
        throw new TypeError('a defect');
      },
    };
    await expect(open(auto({ candidates: [{ backend: broken }] }))).rejects.toThrow(TypeError);
  });

  it('tries a GPU only for tensors that stay there', () => {
    const names = (tensors: 'host' | 'device'): string[] =>
      candidatesFor(tensors).map(({ backend }) => backend.name);
    expect(names('host')).toEqual(['wasm', 'cpu']);
    expect(names('device')).toEqual(['webgpu', 'wasm', 'cpu']);
  });

  it('refuses an option out of range', () => {
    expect(() => auto({ tensors: 'gpu' as 'host' })).toThrow(OptionError);
  });
});
