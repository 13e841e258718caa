/** Reports for tests. */
import {
  reportVersion,
  type MeasuredRow,
  type NotRunRow,
  type Report,
  type Row,
  type Spread,
} from '../model.js';

export const spread = (median: number, relative = 0.02): Spread => ({
  median,
  min: median * (1 - relative),
  q1: median * (1 - relative / 2),
  q3: median * (1 + relative / 2),
  samples: 15,
});

const workload = {
  loss: 'softmaxCrossEntropy',
  layout: 'nchw',
  shape: [1, 21, 216, 231],
  elements: 1_047_816,
  classes: 21,
} as const;

/** A row of wasm on one thread: 1 ns an element, twice the limit, 30 times faster than tfjs-wasm. */
export function measuredRow(more: Partial<MeasuredRow> = {}): MeasuredRow {
  return {
    ...workload,
    contestant: 'wasm',
    role: 'backend',
    threads: 1,
    device: 'cpu',
    status: 'measured',
    description: 'wasm (SIMD, 1 thread)',
    nsPerElement: spread(1),
    gigabytesPerSecond: 12,
    toLimit: 2,
    toPeers: [{ peer: 'tfjs-wasm', threads: 1, ratio: 1 / 30 }],
    peakMemoryBytes: 12_600_000,
    accuracy: { valueUlp: 1.83, gradientUlp: 2.83, elements: 20_000, meanError: 2e-9 },
    accuracyNote: null,
    ...more,
  };
}

export function notRunRow(more: Partial<NotRunRow> = {}): NotRunRow {
  return {
    ...workload,
    contestant: 'webgpu',
    role: 'backend',
    threads: null,
    device: 'gpu',
    status: 'not-run',
    reason: 'there is no adapter',
    ...more,
  };
}

const peer = measuredRow({
  contestant: 'tfjs-wasm',
  role: 'peer',
  nsPerElement: spread(30),
  toPeers: [],
  toLimit: 60,
  accuracy: { valueUlp: 'infinite', gradientUlp: 8.4e6, elements: 20_000, meanError: 0.03 },
});

export function reportOf(
  rows: readonly Row[] = [measuredRow(), peer, notRunRow()],
  more: Partial<Report> = {},
): Report {
  return {
    format: 'softxent-bench',
    version: reportVersion,
    machine: {
      cpu: 'a <processor>',
      cores: 2,
      memoryBytes: 24e9,
      runtime: 'node v20.20.2',
      platform: 'linux x64',
      gpu: null,
      date: '2026-11-23T19:00:00.000Z',
      command: 'softxent-bench --loss \'{"kind":"dice"}\'',
    },
    settings: { seed: 1, rounds: 15, secondsPerWorkload: 5, isolation: 'processes' },
    limits: [
      {
        ...workload,
        kernel: 'triad',
        device: 'cpu',
        threads: 1,
        nsPerElement: spread(0.5),
        gigabytesPerSecond: 24,
      },
    ],
    rows,
    noise: { spread: 0.02, loadBefore: 0, warning: null },
    ...more,
  };
}
