/** The command from end to end, on tensors so small that its numbers mean nothing; no test looks at them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from './check.js';
import { main } from './cli.js';
import type { Report } from './model.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-bench-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

async function bench(args: readonly string[], signal?: AbortSignal): Promise<Ran> {
  const written = { out: '', err: '' };
  const status = await main(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    folder,
    now: () => new Date('2026-11-23T12:00:00Z'),
    ...(signal === undefined ? {} : { signal }),
  });
  return { status, ...written };
}

const tiny = ['--in-process', '--sizes', '600', '--rounds', '3', '--seconds', '0.05', '--threads', '1'];
const plugin = join(import.meta.dirname, 'plugin.fixture.js');

async function reportAt(name: string): Promise<Report> {
  const path = join(folder, name);
  return parseReport(path, await readFile(path, 'utf8'));
}

describe('softxent-bench', () => {
  it('measures backends, peers and a plugin, and writes all forms of the report', async () => {
    const args = ['--backends', `wasm,cpu,${plugin}#missing,${plugin}`, '--peers', 'typescript,ort'];
    const files = ['--json', 'a.json', '--html', 'a.html', '--markdown', 'a.md'];
    const { status, out, err } = await bench([...tiny, ...args, '--losses', 'sigmoid,dice', ...files]);
    expect(status).toBe(0);
    expect(err).toContain('100 %');
    expect(out).toContain('sigmoidCrossEntropy, flat, 600 elements');

    const report = await reportAt('a.json');
    expect(report.machine).toMatchObject({ date: '2026-11-23T12:00:00.000Z' });
    expect(report.machine.command).toContain('--losses sigmoid,dice');
    expect(report.limits.map(({ kernel }) => kernel)).toEqual([
      'copy',
      'triad',
      'copy',
      'triad',
      'copy',
      'triad',
    ]);
    // Three workloads, six contestants, and not one of them missing.
    expect(report.rows).toHaveLength(3 * 6);
    const [wasm, cpu, missing, mine, loop] = report.rows;
    for (const row of [wasm, cpu, mine, loop]) {
      expect(row).toMatchObject({ status: 'measured', elements: 600 });
    }
    expect(wasm).toMatchObject({
      accuracy: { elements: 20_000 },
      toPeers: [{ peer: 'typescript' }, { peer: 'ort', threads: 1 }],
      peakMemoryBytes: null,
    });
    expect(missing).toMatchObject({
      contestant: `${plugin}#missing`,
      status: 'not-run',
      reason: expect.stringContaining('there is no such device') as string,
    });
    expect(mine).toMatchObject({ contestant: plugin, description: 'cpu (generated code)' });
    const dice = report.rows.filter(({ loss, role }) => loss === 'dice' && role === 'peer');
    expect(dice).toHaveLength(4);
    for (const row of dice) {
      expect(row).toMatchObject({ status: 'not-run', reason: expect.stringContaining('dice') as string });
    }
    expect(await readFile(join(folder, 'a.html'), 'utf8')).toContain('</html>');
    expect(await readFile(join(folder, 'a.md'), 'utf8')).toContain('### sigmoidCrossEntropy');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it("measures a loss of the user's, and finds its errors by its formula", async () => {
    const loss = join(import.meta.dirname, 'loss.fixture.js');
    const args = ['--losses', loss, '--backends', 'cpu', '--peers', 'typescript', '--json', 'own.json'];
    const { status } = await bench([...tiny, ...args]);
    expect(status).toBe(0);
    const [row, peer] = (await reportAt('own.json')).rows;
    expect(row).toMatchObject({ loss: 'fixture/brier', status: 'measured', accuracyNote: null });
    expect(row?.status === 'measured' && row.accuracy?.valueUlp).toBeLessThan(3);
    expect(row?.status === 'measured' && row.accuracy?.meanError).toBeLessThan(1e-6);
    expect(peer).toMatchObject({ status: 'not-run' });
  });

  it('compares with a baseline: status 0 for one that is slower, 1 for one that no run can reach', async () => {
    const args = [...tiny, '--losses', 'sigmoid', '--backends', 'cpu', '--peers', 'typescript'];
    await bench([...args, '--json', 'b.json']);
    const report = await reportAt('b.json');
    const scaled = (factor: number): string =>
      JSON.stringify({
        ...report,
        rows: report.rows.map((row) =>
          row.status === 'measured'
            ? {
                ...row,
                toLimit: (row.toLimit ?? 0) * factor,
                toPeers: row.toPeers.map((each) => ({ ...each, ratio: each.ratio * factor })),
              }
            : row,
        ),
      });
    await writeFile(join(folder, 'slow.json'), scaled(1e9));
    await writeFile(join(folder, 'fast.json'), scaled(1e-9));
    const slow = await bench([...args, '--check', 'slow.json']);
    expect(slow.out).toContain('2 ratios compared, none worse');
    expect(slow.status).toBe(0);
    const fast = await bench([...args, '--check', 'fast.json']);
    expect(fast.out).toContain('REGRESSION cpu on sigmoidCrossEntropy');
    expect(fast.status).toBe(1);
  });

  it('says that nothing could be measured, with status 1', async () => {
    const args = [
      '--losses',
      'dice',
      '--layouts',
      'nchw',
      '--backends',
      `${plugin}#missing`,
      '--peers',
      'none',
    ];
    const { status, out } = await bench([...tiny, ...args]);
    expect(status).toBe(1);
    expect(out).toContain('nothing could be measured');
    expect(out).toContain('there is no such device');
  });

  it('ends where it is stopped, writes nothing, and says so', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    const { status, err } = await bench([...tiny, '--json', 'never.json'], stopped);
    expect(status).toBe(130);
    expect(err).toContain('stopped; nothing was written');
    expect(await readdir(folder)).not.toContain('never.json');
  });

  it('lists what there is, and helps', async () => {
    const list = await bench(['--list']);
    expect(list).toMatchObject({ status: 0, err: '' });
    expect(list.out).toMatch(/backends\n {2}cpu .*\n(.*\n)+peers\n {2}typescript/);
    const help = await bench(['--help']);
    expect(help.status).toBe(0);
    expect(help.out).toContain('Exit status: 0');
  });

  it.each([
    [['--bogus'], "unknown option '--bogus'"],
    [['sigmoid'], 'too many arguments'],
    [['--losses', 'nothing'], "--losses: found 'nothing'"],
    [['--check', 'missing.json'], 'missing.json: cannot be read: no such file'],
    [['--json', 'no/such/folder.json'], 'folder.json: cannot be written: no such file or directory'],
    [['--html', '.'], 'cannot be written: is a directory'],
  ])('%j is a mistake: status 2 before anything runs', async (args, message) => {
    const { status, err, out } = await bench([...tiny, ...args]);
    expect(status).toBe(2);
    expect(err).toContain(message);
    expect(out).toBe('');
  });
});
