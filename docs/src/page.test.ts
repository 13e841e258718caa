import { describe, expect, it } from 'vitest';
import { readPage } from './page.js';

const page = (...lines: string[]): string => lines.join('\n');

describe('a page becomes modules', () => {
  it('whose lines have the numbers of the page', () => {
    const { module } = readPage(
      page('# Title', '', '```ts', 'const a = 1;', '```', 'text', '```ts', 'f(a);', '```'),
    );
    expect(module.split('\n').slice(0, 8)).toEqual(['', '', '', 'const a = 1;', '', '', '', 'f(a);']);
  });

  it('with what browsers alone can run apart', () => {
    const { module, browser } = readPage(page('```ts browser', 'open();', '```'));
    expect(module).toBe('');
    expect(browser).toContain('open();');
  });

  it('and lines that it says are printed, behind statements and in blocks of text after code', () => {
    const { printed } = readPage(
      page(
        '```ts',
        'console.log(1); // 1',
        'loop();',
        '```',
        '',
        '```text',
        '2',
        '3',
        '```',
        '',
        'Else:',
        '',
        '```text',
        '4',
        '```',
      ),
    );
    expect(printed).toEqual(['1', '2', '3']);
  });

  it('with commands, the lines that they print, and files between the blocks of code', () => {
    const { module, usesShell } = readPage(
      page(
        '```prototxt net.prototxt',
        'name: "a"',
        '```',
        '```sh',
        'run it',
        '```',
        '```text',
        'done',
        '```',
      ),
    );
    expect(usesShell).toBe(true);
    expect(module.split('\n').slice(0, 8)).toEqual([
      'await file("net.prototxt", [',
      '"name: \\"a\\"",',
      ']);',
      '',
      'await sh("run it");',
      '',
      '',
      'shown("done");',
    ]);
  });

  it('or is refused where a fence would keep code from being run', () => {
    expect(() => readPage(page('```ts no-run', 'x();', '```'))).toThrow(/line 1: .*'ts no-run'/);
    expect(() => readPage(page('```js', 'x();', '```'))).toThrow(/'js'/);
    expect(() => readPage(page('```ts', 'x();'))).toThrow(/does not end/);
  });
});
