import { describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { commandOf, type Flags } from './flags.js';
import { countOf, countsOf } from './lists.js';
import { settingsOf, type CliSettings } from './settings.js';

async function settings(...args: readonly string[]): Promise<CliSettings> {
  const command = commandOf().configureOutput({ writeErr: () => undefined });
  command.parse([...args], { from: 'user' });
  return settingsOf(command.opts<Flags>(), import.meta.dirname);
}

const names = ({ contestants }: CliSettings) =>
  contestants.map(({ role, name, threads }) => `${role} ${name} x${threads}`);

describe('numbers', () => {
  it('may have units', () => {
    expect(['1000', '1e6', '64Ki', '16M', '1.5k', '1Gi'].map((text) => countOf('--sizes', text))).toEqual([
      1000,
      1e6,
      65_536,
      16e6,
      1500,
      2 ** 30,
    ]);
    expect(countsOf('--sizes', '1e6, 1000,1k')).toEqual([1000, 1e6]);
  });

  it.each(['0', '-1', '1.5', 'abc', '1e-3', '', '10MB', '1e400'])('%s is none', (text) => {
    expect(() => countOf('--sizes', text)).toThrow(UsageError);
  });
});

describe('the flags', () => {
  it('combine losses, layouts, sizes and classes', async () => {
    const { workloads } = await settings(
      '--losses',
      'sigmoid,softmax',
      '--sizes',
      '1k,2k',
      '--classes',
      '2,21',
    );
    const of = (kind: string) => workloads.filter(({ loss }) => loss.includes(kind));
    expect(of('sigmoid')).toHaveLength(2);
    expect(of('softmax')).toHaveLength(2 * 2 * 2);
  });

  it('for scaling vary one thing at a time', async () => {
    const { workloads } = await settings('--scaling', '--layouts', 'nchw');
    const classes = workloads.filter(({ elements, layout }) => elements === 1e6 && layout === 'nchw');
    expect(classes.map((each) => each.classes).toSorted((a, b) => a - b)).toEqual([2, 21, 150, 1000]);
    expect(workloads.filter(({ layout }) => layout === 'flat').map(({ elements }) => elements)).toEqual([
      1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
    ]);
    expect(workloads).toHaveLength(6 + 6 + 3);
  });

  it('threads are for those that have them', async () => {
    const made = await settings('--threads', '1,2', '--backends', 'wasm,cpu', '--peers', 'jax,ort');
    expect(names(made)).toEqual([
      'backend wasm x1',
      'backend wasm x2',
      'backend cpu x1',
      'peer jax x1',
      'peer ort x1',
      'peer ort x2',
    ]);
    expect(made.limits.map(({ threads }) => threads)).toEqual([1, 2]);
  });

  it('name plugins by path or package', async () => {
    const { contestants } = await settings(
      '--backends',
      './settings.ts#make,@me/backend',
      '--peers',
      'none',
      '--plugin-options',
      '{"tile":64}',
    );
    expect(contestants.map(({ plugin }) => plugin)).toMatchObject([
      { module: './settings.ts', export: 'make', options: { tile: 64 } },
      { module: '@me/backend', options: { tile: 64 } },
    ]);
  });

  it('a module brings a loss, which every contestant has to know', async () => {
    const { workloads, contestants } = await settings('--losses', '../loss.fixture.js', '--sizes', '1k');
    expect(workloads.map(({ loss, layout }) => [loss, layout])).toEqual([
      ['{"kind":"fixture/brier"}', 'flat'],
    ]);
    expect(contestants.every(({ losses }) => losses?.[0]?.module === '../loss.fixture.js')).toBe(true);
    const both = await settings('--losses', 'sigmoid,../loss.fixture.js', '--sizes', '1k');
    expect(both.workloads).toHaveLength(2);
  });

  it('a module without a loss is said to hold none', async () => {
    await expect(settings('--losses', '../plugin.fixture.js')).rejects.toThrow(
      'expected an export named held',
    );
  });

  it('a loss with options takes the place of the kinds', async () => {
    const loss = '{"kind":"sigmoidCrossEntropy","options":{"posWeight":2}}';
    expect((await settings('--loss', loss)).workloads.map((each) => each.loss)).toEqual([loss, loss]);
  });

  it.each([
    [['--losses', 'softmx'], 'did you mean softmax?'],
    [['--losses', 'hinge'], 'expected any of sigmoidCrossEntropy'],
    [['--losses', 'dic'], 'did you mean diceSemimetric'],
    [['--losses', ''], 'expected a kind of loss'],
    [['--loss', '{"kind":"dice"'], 'expected JSON'],
    [['--loss', '{"kind":"dice","options":{"smoth":1}}'], 'smoth'],
    [['--loss', '{"kind":"dice","options":{"reduction":"sum"}}'], 'reduction'],
    [['--sizes', '1e6,x'], "--sizes: found 'x'"],
    [['--classes', '0'], "--classes: found '0'"],
    [['--layouts', 'flat'], 'expected any of channels-last, nchw'],
    [['--backends', 'wsam'], 'did you mean wasm?'],
    [['--backends', 'torch'], 'or a plugin: ./path.js'],
    [['--backends', './none.js'], '--backends: there is no file'],
    [['--losses', './none.js'], '--losses: there is no file'],
    [['--peers', 'torch'], 'expected any of typescript'],
    [['--peers', 'none,jax'], 'no other name'],
    [['--plugin-options', '{}'], 'names no plugin'],
    [['--backends', './settings.ts', '--plugin-options', '{'], 'no JSON'],
    [['--threads', '1000'], 'at most 256'],
    [['--seconds', '0'], 'a number > 0'],
    [['--memory', 'all'], 'a number > 0'],
    [['--quick', '--scaling'], 'expected one of them'],
    [['--backends', '', '--peers', 'none'], 'nothing to measure'],
  ])('%j is refused', async (args, message) => {
    await expect(settings(...args)).rejects.toThrow(UsageError);
    await expect(settings(...args)).rejects.toThrow(message);
  });
});
