import { describe, expect, it } from 'vitest';
import { bytes, count, percent, short } from './format.js';
import { reportHtml } from './html.js';
import { intoPage, reportMarkdown } from './markdown.js';
import { chartsOf } from './series.js';
import { reportText, sectionsOf } from './tables.js';
import { measuredRow, notRunRow, reportOf, spread } from './testing.js';

describe('numbers', () => {
  it('have three digits, and units where they are whole', () => {
    expect([0.4567, 12.345, 1234.5, 8.4e6, 0.00012, 0].map(short)).toEqual([
      '0.457',
      '12.3',
      '1235',
      '8.4e6',
      '1.2e-4',
      '0',
    ]);
    expect([1000, 1_048_576, 16_777_216, 1e8, 64_680, 1_024_000].map(count)).toEqual([
      '1 k',
      '1 Mi',
      '16 Mi',
      '100 M',
      '64680',
      '1024000',
    ]);
    expect([12_600_000, 1.85e9, 300, null].map(bytes)).toEqual(['12.6 MB', '1.85 GB', '< 1 MB', '-']);
    expect(percent(0.023)).toBe('2.3 %');
  });
});

describe('the tables', () => {
  it('say cost, spread, ratios, memory and errors of every row that ran, and why the others did not', () => {
    const [section] = sectionsOf(reportOf()).sections;
    expect(section?.title).toBe('softmaxCrossEntropy, nchw, 1047816 elements, 21 classes');
    expect(section?.limits).toBe('triad 0.500 ns, 24.0 GB/s on 1 thread');
    expect(section?.table.head).toContain('vs tfjs-wasm');
    expect(section?.table.rows).toEqual([
      ['wasm', '1.00', '2.0 %', '12.0', '2.00', '30.0x', '12.6 MB', '1.83', '2.83', '2e-9'],
      ['tfjs-wasm (peer)', '30.0', '2.0 %', '12.0', '60.0', '-', '12.6 MB', 'inf', '8.4e6', '3e-2'],
    ]);
    expect(section?.notes).toEqual(['not run: webgpu: there is no adapter']);
  });

  it('a reason that holds everywhere is told once', () => {
    const other = { elements: 5000, shape: [1, 21, 15, 15] };
    const rows = [measuredRow(), notRunRow(), measuredRow(other), notRunRow(other)];
    const { sections, common } = sectionsOf(reportOf(rows));
    expect(common).toEqual(['not run: webgpu: there is no adapter']);
    expect(sections.map(({ notes }) => notes)).toEqual([[], []]);
  });

  it('a noisy machine is warned of in every form', () => {
    const noise = { spread: 0.4, loadBefore: 2, warning: 'the machine was noisy' };
    const report = reportOf(undefined, { noise });
    for (const text of [reportText(report), reportMarkdown(report), reportHtml(report)]) {
      expect(text).toContain('the machine was noisy');
    }
  });

  it('errors that could not be found are accounted for', () => {
    const row = measuredRow({ accuracy: null, accuracyNote: 'the reference has no formula for this loss' });
    expect(reportText(reportOf([row]))).toContain('wasm: the reference has no formula');
  });
});

describe('Markdown', () => {
  it('has a table for each workload, and the command', () => {
    const text = reportMarkdown(reportOf());
    expect(text).toContain('| wasm | 1.00 | 2.0 % |');
    expect(text).toContain('softxent-bench --loss \'{"kind":"dice"}\'');
    expect(text).toContain('- not run: webgpu: there is no adapter');
  });
});

describe('a page that holds tables', () => {
  const page = 'why\n<!-- softxent-bench: begin -->\nold\n<!-- softxent-bench: end -->\nhow\n';

  it('keeps what stands around them', () => {
    expect(intoPage(page, 'new\n')).toBe(
      'why\n<!-- softxent-bench: begin -->\n\nnew\n\n<!-- softxent-bench: end -->\nhow\n',
    );
  });

  it('without a place for them is replaced, as is one that is not there', () => {
    expect(intoPage('anything', 'new\n')).toBe('new\n');
    expect(intoPage(undefined, 'new\n')).toBe('new\n');
  });
});

describe('curves', () => {
  const atSize = (elements: number, ns: number) =>
    measuredRow({ elements, shape: [1, 21, 1, elements / 21], nsPerElement: spread(ns) });

  it('are drawn over what was varied, with the limit beside them', () => {
    const rows = [atSize(2100, 3), atSize(21_000, 1)];
    const [base] = reportOf().limits;
    const limits = rows.map(({ elements, shape }) => ({ ...base!, elements, shape }));
    const [chart, ...others] = chartsOf({ rows, limits });
    expect(others).toEqual([]);
    expect(chart).toMatchObject({
      axis: 'elements',
      series: [
        {
          name: 'wasm',
          kind: 'backend',
          points: [
            { x: 2100, y: 3 },
            { x: 21_000, y: 1 },
          ],
        },
        { name: 'triad (limit)', kind: 'limit', points: [{ y: 0.5 }, { y: 0.5 }] },
      ],
    });
  });

  it('over threads, at the largest size', () => {
    const rows = [1, 2].flatMap((threads) =>
      [2100, 21_000].map((elements) => ({ ...atSize(elements, 3 / threads), threads })),
    );
    const chart = chartsOf({ rows, limits: [] }).find(({ axis }) => axis === 'threads');
    expect(chart?.title).toContain('21 k elements');
    expect(chart?.series).toMatchObject([
      {
        name: 'wasm',
        points: [
          { x: 1, y: 3 },
          { x: 2, y: 1.5 },
        ],
      },
    ]);
  });

  it('of one point are not drawn', () => {
    expect(chartsOf(reportOf())).toEqual([]);
  });
});

describe('the page', () => {
  it('needs nothing else, holds the curves, and takes no text for markup', () => {
    const rows = [2100, 21_000].map((elements) =>
      measuredRow({ elements, shape: [1, 21, 1, elements / 21] }),
    );
    const page = reportHtml(reportOf(rows));
    expect(page).toContain('<svg');
    expect(page).toContain('quartiles');
    expect(page).toContain('a &lt;processor&gt;');
    expect(page).not.toMatch(/<script|<link|src=|url\(/);
  });
});
