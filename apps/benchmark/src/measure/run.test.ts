import { BackendUnavailableError } from '@softxent/core';
import { describe, expect, it } from 'vitest';
import type { ContestantKey, MeasuredRow, Row } from '../model.js';
import type { Participant, Station } from './participant.js';
import { runBenchmark, type Progress, type RunOptions } from './run.js';
import type { WorkloadSpec } from './workload.js';

const sigmoid: WorkloadSpec = {
  loss: '{"kind":"sigmoidCrossEntropy"}',
  layout: 'flat',
  elements: 1000,
  classes: 1,
};

/** A machine on which everything takes as long as is said. */
class Machine {
  now = 0;
  open = 0;

  participant(
    key: Partial<ContestantKey>,
    nsPerElement: number,
    more: Partial<Station> & Partial<Participant> = {},
  ): Participant {
    const { open, bytesPerElement = 12, ...station } = more;
    let elements = 0;
    return {
      key: { contestant: 'wasm', role: 'backend', threads: 1, device: 'cpu', ...key },
      bytesPerElement,
      open:
        open ??
        (() => {
          this.open++;
          return Promise.resolve({
            description: `${key.contestant ?? 'wasm'} itself`,
            prepare: (spec) => {
              elements = spec.elements;
              return Promise.resolve();
            },
            sample: (calls, warm) => {
              const each = (nsPerElement * elements) / 1e6;
              this.now += each * (calls + (warm ? 1 : 0));
              return Promise.resolve({ ms: each * calls, value: 0.5 });
            },
            evaluate: () => Promise.reject(new Error('not asked for')),
            peakMemory: () => Promise.resolve(12_000),
            close: () => {
              this.open--;
              return Promise.resolve();
            },
            ...station,
          });
        }),
    };
  }

  options(participants: readonly Participant[], more: Partial<RunOptions> = {}): RunOptions {
    return {
      workloads: [sigmoid],
      participants,
      limits: [this.participant({}, 0.5)],
      seed: 1,
      rounds: 5,
      secondsPerWorkload: 5,
      pause: () => Promise.resolve(),
      ...more,
    };
  }
}

const measured = (rows: readonly Row[]): readonly MeasuredRow[] =>
  rows.filter((row): row is MeasuredRow => row.status === 'measured');

describe('runBenchmark', () => {
  it('gives cost, throughput and ratios to the limit and to each peer', async () => {
    const machine = new Machine();
    const { rows, limits } = await runBenchmark(
      machine.options([
        machine.participant({}, 1),
        machine.participant({ contestant: 'tfjs-wasm', role: 'peer' }, 32),
        machine.participant({ contestant: 'ort', role: 'peer', threads: 2 }, 5),
      ]),
    );
    expect(limits.map(({ kernel, gigabytesPerSecond }) => [kernel, gigabytesPerSecond])).toEqual([
      ['copy', 16],
      ['triad', 24],
    ]);
    expect(rows).toHaveLength(3);
    const [row] = measured(rows);
    expect(row).toMatchObject({ loss: 'sigmoidCrossEntropy', elements: 1000, description: 'wasm itself' });
    expect(row?.nsPerElement.median).toBeCloseTo(1, 9);
    expect(row?.gigabytesPerSecond).toBeCloseTo(12, 9);
    expect(row?.toLimit).toBeCloseTo(2, 9);
    expect(row?.toPeers.map(({ peer, ratio }) => [peer, Number(ratio.toFixed(6))])).toEqual([
      ['tfjs-wasm', 0.03125],
      ['ort', 0.2],
    ]);
    expect(row?.peakMemoryBytes).toBe(12_000);
    expect(machine.open).toBe(0);
  });

  it('what does not open is a row with the reason, and is not tried again', async () => {
    const machine = new Machine();
    let tries = 0;
    const missing = machine.participant({ contestant: 'webgpu' }, 1, {
      open: () => {
        tries++;
        return Promise.reject(new BackendUnavailableError('webgpu', 'no adapter'));
      },
    });
    const workloads = [sigmoid, { ...sigmoid, elements: 2000 }];
    const { rows } = await runBenchmark(machine.options([missing], { workloads }));
    expect(tries).toBe(1);
    expect(rows).toMatchObject(
      [1000, 2000].map((elements) => ({
        status: 'not-run',
        elements,
        contestant: 'webgpu',
        reason: expect.stringContaining('no adapter') as string,
      })),
    );
  });

  it('what fails to compile, or while it runs, is a row with the reason', async () => {
    const machine = new Machine();
    const fails = (what: string) => () => Promise.reject(new Error(what));
    const { rows } = await runBenchmark(
      machine.options([
        machine.participant({ contestant: 'a' }, 1, { prepare: fails('cannot compile') }),
        machine.participant({ contestant: 'b' }, 1, { sample: fails('went away') }),
        machine.participant({ contestant: 'c' }, 1),
      ]),
    );
    expect(rows).toMatchObject([
      { contestant: 'a', status: 'not-run', reason: 'cannot compile' },
      { contestant: 'b', status: 'not-run', reason: 'went away' },
      { contestant: 'c', status: 'measured' },
    ]);
    expect(machine.open).toBe(0);
  });

  it('what would take too long is found out on fewer elements', async () => {
    const machine = new Machine();
    const workloads = [{ ...sigmoid, elements: 1e7 }];
    const { rows } = await runBenchmark(
      machine.options([machine.participant({ contestant: 'slow' }, 300), machine.participant({}, 1)], {
        workloads,
      }),
    );
    expect(rows).toMatchObject([
      { status: 'not-run', reason: expect.stringContaining('about 3 s') as string },
      { status: 'measured' },
    ]);
    expect(machine.now).toBeLessThan(6000);
  });

  it('keeps within the memory: refuses what does not fit, and takes the rest in turns', async () => {
    const machine = new Machine();
    const most: number[] = [];
    const participants = ['a', 'b', 'c'].map((contestant) =>
      machine.participant({ contestant }, 1, {
        bytesPerElement: contestant === 'c' ? 1000 : 50,
        peakMemory: () => {
          most.push(machine.open);
          return Promise.resolve(null);
        },
      }),
    );
    const { rows, limits } = await runBenchmark(machine.options(participants, { memoryBytes: 100_000 }));
    expect(rows.map(({ contestant, status }) => [contestant, status])).toEqual([
      ['a', 'measured'],
      ['b', 'measured'],
      ['c', 'not-run'],
    ]);
    // One participant and two limits at a time.
    expect(most).toEqual([3, 3]);
    expect(limits).toHaveLength(2);
  });

  it('tells how far it is, and ends where it is told to, with everything closed', async () => {
    const machine = new Machine();
    const abort = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ fraction, doing }: Progress): void => {
      seen.push(fraction);
      if (doing.includes('round 2')) abort.abort(new Error('stopped by the user'));
    };
    const options = machine.options([machine.participant({}, 1)], { onProgress, signal: abort.signal });
    await expect(runBenchmark(options)).rejects.toThrow('stopped by the user');
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBeLessThan(1);
    expect(machine.open).toBe(0);
  });

  it('errors are found once for each contestant, loss and layout', async () => {
    const machine = new Machine();
    let evaluations = 0;
    const participant = machine.participant({}, 1, {
      evaluate: ({ elements }) => {
        evaluations++;
        const zeros = new Float32Array(elements);
        return Promise.resolve({ values: zeros, gradient: zeros });
      },
    });
    const workloads = [sigmoid, { ...sigmoid, elements: 2000 }];
    const { rows } = await runBenchmark(machine.options([participant], { workloads }));
    expect(evaluations).toBe(1);
    for (const { accuracy } of measured(rows)) {
      // All zeros have no digit of the loss.
      expect(accuracy?.valueUlp).toBeGreaterThan(1e6);
      expect(accuracy?.meanError).toBeGreaterThan(0);
    }
  });
});
