import { describe, expect, it } from 'vitest';
import type { MeasuredRow, NotRunRow, Report } from '../../src/model.js';
import { asTsv, columns, contestantText, fastestPeer } from './columns.js';

const row: MeasuredRow = {
  loss: 'softmaxCrossEntropy',
  layout: 'nchw',
  shape: [1, 21, 1, 48],
  elements: 1008,
  classes: 21,
  contestant: 'wasm',
  role: 'backend',
  threads: 2,
  device: 'cpu',
  status: 'measured',
  description: 'wasm (SIMD, 2 threads)',
  nsPerElement: { median: 1.25, min: 1, q1: 1.2, q3: 1.3, samples: 5 },
  gigabytesPerSecond: 9.6,
  toLimit: 1.5,
  toPeers: [
    { peer: 'typescript', threads: 1, ratio: 0.05 },
    { peer: 'ort-web', threads: 2, ratio: 0.1 },
  ],
  peakMemoryBytes: null,
  accuracy: { valueUlp: 2.5, gradientUlp: 'infinite', elements: 20000, meanError: 1e-9 },
  accuracyNote: null,
};

const notRun: NotRunRow = {
  loss: row.loss,
  layout: row.layout,
  shape: row.shape,
  elements: row.elements,
  classes: row.classes,
  contestant: 'webgpu',
  role: 'backend',
  threads: null,
  device: 'gpu',
  status: 'not-run',
  reason: 'no adapter',
};

describe('the table of results', () => {
  it('says everything of a row in its cells', () => {
    const cells = Object.fromEntries(columns.map(({ name, cell }) => [name, cell(row)]));
    expect(cells).toEqual({
      loss: 'softmaxCrossEntropy',
      layout: 'nchw',
      classes: '21',
      elements: '1008',
      on: 'wasm x2',
      'ns/element': '1.25',
      spread: '8.0 %',
      'GB/s': '9.60',
      '× limit': '1.50',
      'vs fastest peer': '10.0× ort-web',
      'value ulp': '2.50',
      'gradient ulp': 'inf',
    });
  });

  it('leaves cells without numbers empty, and says so of errors', () => {
    const bare: MeasuredRow = { ...row, role: 'peer', toLimit: null, toPeers: [], accuracy: null };
    const cells = columns.map(({ cell }) => cell(bare));
    expect(cells.slice(4)).toEqual([
      'wasm x2 (peer)',
      '1.25',
      '8.0 %',
      '9.60',
      '',
      '',
      'not known',
      'not known',
    ]);
    expect(contestantText(bare)).toBe('wasm x2 (peer)');
  });

  it('holds a backend against the fastest of its peers', () => {
    expect(fastestPeer(row)?.peer).toBe('ort-web');
    expect(fastestPeer({ ...row, toPeers: [] })).toBeUndefined();
  });

  it('becomes a line a row for spreadsheets, without what could not run', () => {
    const report = { rows: [row, notRun] } as unknown as Report;
    const lines = asTsv(report).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines.map((line) => line.split('\t').length)).toEqual([columns.length, columns.length]);
  });
});
