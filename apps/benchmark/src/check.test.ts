import { describe, expect, it } from 'vitest';
import { compare, comparisonText, parseReport } from './check.js';
import { FileError } from './errors.js';
import { measuredRow, notRunRow, reportOf, spread } from './report/testing.js';

const baseline = reportOf();

describe('compare', () => {
  it('the same run has no regression', () => {
    const comparison = compare(baseline, baseline);
    // The limit is compared, and the peer.
    expect(comparison).toMatchObject({ regressions: [], compared: 1 + 1, absent: 0, notes: [] });
    expect(comparisonText(comparison)).toContain('2 ratios compared, none worse');
  });

  it('a ratio that rose beyond the spread is a regression', () => {
    const { regressions } = compare(reportOf([measuredRow({ toLimit: 3 })]), baseline);
    expect(regressions).toEqual([
      {
        subject: 'wasm on softmaxCrossEntropy, nchw, 1047816 elements, 21 classes',
        found: 'cost over the limit rose from 2.00 to 3.00: 50 % more, beyond the spread of 10 %',
      },
    ]);
  });

  it('the same rise within the spread of the samples is none', () => {
    const noisy = measuredRow({ toLimit: 3, nsPerElement: spread(1.5, 0.6) });
    expect(compare(reportOf([noisy]), baseline).regressions).toEqual([]);
  });

  it('a machine that is slower by the same factor in all things is no regression', () => {
    const slower = measuredRow({ nsPerElement: spread(7) });
    expect(compare(reportOf([slower]), baseline).regressions).toEqual([]);
  });

  it('a ratio to a peer counts as well', () => {
    const row = measuredRow({ toPeers: [{ peer: 'tfjs-wasm', threads: 1, ratio: 1 / 20 }] });
    const { regressions } = compare(reportOf([row]), baseline);
    expect(regressions).toMatchObject([{ found: expect.stringContaining('the peer tfjs-wasm') as string }]);
  });

  it('what ran and does not any more is a regression', () => {
    const row = notRunRow({ contestant: 'wasm', threads: 1, device: 'cpu', reason: 'no SIMD' });
    expect(compare(reportOf([row]), baseline).regressions).toMatchObject([
      { found: 'ran in the baseline, and does not now: no SIMD' },
    ]);
  });

  it('what was not asked for this time is only counted; what never ran is not', () => {
    expect(compare(reportOf([measuredRow({ threads: 2 })]), baseline)).toMatchObject({
      regressions: [],
      compared: 0,
      absent: 1,
    });
  });

  it('says that the baseline is of another machine', () => {
    const other = reportOf(undefined, { machine: { ...baseline.machine, cpu: 'another' } });
    expect(compare(other, baseline).notes).toEqual([
      'the baseline is of another cpu: a <processor>, here another',
    ]);
  });
});

describe('parseReport', () => {
  const text = JSON.stringify(baseline);

  it('reads what was written', () => {
    expect(parseReport('baseline.json', text)).toEqual(baseline);
  });

  it.each([
    ['no JSON', text.slice(0, 100), 'is no JSON'],
    ['something else', '{"version":1}', 'is no report'],
    ['another version', text.replace('"version":1', '"version":7'), 'version 7, expected 1: make it anew'],
    ['a damaged one', text.replace('"median"', '"medium"'), 'is a damaged report'],
    ['an empty file', '', 'is no JSON'],
  ])('refuses %s, and names the file', (_, damaged, message) => {
    expect(() => parseReport('baseline.json', damaged)).toThrow(FileError);
    expect(() => parseReport('baseline.json', damaged)).toThrow(
      `baseline.json: ${message.startsWith('version') ? 'is a report of ' : ''}${message}`,
    );
  });
});
