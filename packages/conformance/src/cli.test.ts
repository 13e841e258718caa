import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from './cli.js';

const interpreter = fileURLToPath(new URL('./testing/interpreter.ts', import.meta.url));
const losses = fileURLToPath(new URL('./testing/held.ts', import.meta.url));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-conformance-'));
  const modules = {
    'honest.js': `import { interpreter } from ${JSON.stringify(interpreter)}; export const backend = interpreter();`,
    'factory.js': `import { interpreter } from ${JSON.stringify(interpreter)};
      export class Helper {}
      export const make = (options) => ({ ...interpreter(), name: options?.name ?? 'made' });`,
    'wrong.js': `import { interpreter } from ${JSON.stringify(interpreter)};
      export default interpreter({ operand: (name, value) => (name === 'mask' ? 1 : value) });`,
    'poor.js': `import { interpreter } from ${JSON.stringify(interpreter)};
      export const backend = interpreter({ capabilities: { predictions: ['float32'], deterministic: false } });`,
    'closed.js': `// An error of another copy of core: told by its code.
      const error = Object.assign(new Error('backend closed is not available: no device here'), { code: 'BACKEND_UNAVAILABLE' });
      export const backend = { name: 'closed', open() { throw error; } };`,
    'other.js': 'export const answer = 42; export const question = null;',
    'number.js': 'export const backend = 42;',
    'held.js': `export { right as held } from ${JSON.stringify(losses)};`,
    'wrong-held.js': `export { wrong } from ${JSON.stringify(losses)};`,
  };
  for (const [name, text] of Object.entries(modules)) await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const status = await main(args, { folder, print: (part) => (text += part) });
  return { status, text };
}

describe('softxent-conformance', () => {
  it('prints a table and writes JSON, status 0 where every promise held', async () => {
    const { status, text } = await run('./honest.js', '--filter', 'dice: every', '--json', 'report.json');
    expect(text).toMatch(/^layouts +held +1 held +0\.\d\d +0\.\d\d$/m);
    expect(text).toMatch(/values float32 1 ulp, float64 8 ulp/);
    expect(text).toMatch(/2 held, 0 broken, 0 unsupported/);
    expect(status).toBe(0);
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Record<string, unknown>;
    expect(report).toMatchObject({ backend: 'interpreter', ok: true, held: 2, broken: 0, seed: 1 });
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    '--json writes into a device and through a link, and replaces neither',
    async () => {
      const [device, link, file] = ['device.json', 'link.json', 'linked.json'].map((name) =>
        join(folder, name),
      );
      await symlink('/dev/null', device!);
      await writeFile(file!, '');
      await symlink('linked.json', link!);
      for (const name of ['device.json', 'link.json'])
        await run('./honest.js', '--filter', 'dice: every', '--json', name);
      expect((await lstat(device!)).isSymbolicLink()).toBe(true);
      expect((await lstat(link!)).isSymbolicLink()).toBe(true);
      expect(await readFile(file!, 'utf8')).toContain('"backend"');
    },
  );

  it('status 1 where a promise broke, with loss, operands, index, expected and got', async () => {
    const { status, text } = await run('./wrong.js', '--filter', 'sigmoidCrossEntropy: every reduction');
    expect(status).toBe(1);
    expect(text).toMatch(/^reductions +BROKEN +1 broken/m);
    expect(text).toMatch(/BROKEN sigmoidCrossEntropy: every reduction, with weights and masks/);
    expect(text).toMatch(
      /value at \[\d, \d, \d, \d\]: got \d+.*, expected 0: .* ulp \(float32, largest term 0\), allowed 1/,
    );
    expect(text).toMatch(/loss +sigmoidCrossEntropy \{"reduction":"none"/);
    expect(text).toMatch(
      /operands logits float32 \[2, 3, 4, 5\], targets float32 \[2, 3, 4, 5\], mask uint8/,
    );
  });

  it('lists what is unsupported and does not pass it', async () => {
    const { status, text } = await run('./poor.js', '--filter', 'dice: ');
    expect(text).toMatch(/^dice, float64 +unsupported +4 unsupported$/m);
    expect(text).toMatch(/^determinism +unsupported +1 unsupported$/m);
    expect(text).toMatch(/lacks the capability float64 predictions/);
    expect(status).toBe(0);
    const nothing = await run('./poor.js', '--filter', 'dice: float64 predictions');
    expect(nothing.text).toMatch(/0 held, 0 broken, 4 unsupported/);
    expect(nothing.status).toBe(1);
  });

  it('holds a loss of a module to its formula', async () => {
    const args = ['./honest.js', '--filter', 'every layout', '--loss'];
    const right = await run(...args, './held.js');
    expect(right.text).toMatch(/^loss +acme\/right$/m);
    expect(right.text).toMatch(/1 held, 0 broken/);
    expect(right.status).toBe(0);
    expect(await readdir(folder)).toContain('softxent-conformance-acme-right-interpreter.json');
    const wrong = await run(...args, './wrong-held.js');
    expect(wrong.text).toMatch(/BROKEN acme\/wrong: every layout/);
    expect(wrong.status).toBe(1);
    const listed = await run('./honest.js', '--list', '--loss', './held.js');
    expect(listed.text).toMatch(/^serialisation: acme\/right: kind and options/m);
    const other = await run('./honest.js', '--loss', './other.js');
    expect(other.text).toMatch(/found the exports answer, question, expected an export named held/);
    expect(other.status).toBe(2);
  });

  it('a filter that selects nothing does not pass', async () => {
    const { status, text } = await run('./honest.js', '--filter', 'no such check');
    expect(text).toMatch(/nothing was checked/);
    expect(status).toBe(1);
  });

  it('finds the only export that makes a backend, calls it with options, and compares variants', async () => {
    const args = ['--options', '{"name":"my own"}', '--variant', '{}', '--filter', 'dice: the same bits'];
    const { status, text } = await run('./factory.js', ...args);
    expect(text).toMatch(/^backend +my own: interpreter/m);
    expect(status).toBe(0);
    expect(await readdir(folder)).toContain('softxent-conformance-my-own.json');
  });

  it('lists its checks', async () => {
    const { status, text } = await run('./honest.js', '--list', '--quick', '--filter', 'disposal');
    expect(status).toBe(0);
    expect(text.trim().split('\n').length).toBeGreaterThanOrEqual(2);
    expect(text).toMatch(/^disposal: a disposed session refuses everything$/m);
  });

  it.each([
    [['./missing.js'], /cannot load \.\/missing\.js/],
    [['no-such-package-of-mine'], /cannot load no-such-package-of-mine/],
    [['./other.js'], /found the exports answer, question, expected an export named backend/],
    [['./honest.js', '--export', 'nothing'], /expected an export named nothing/],
    [['./number.js'], /export backend: found number, expected a backend/],
    [['./closed.js'], /backend closed is not available: no device here/],
    [['./honest.js', '--seed', 'many'], /whole number/],
    [['./honest.js', '--options', '{'], /not JSON/],
    [[], /missing required argument 'module'/],
  ])('status 2 and a reason for %j', async (args, reason) => {
    const { status, text } = await run(...args);
    expect(text).toMatch(reason);
    expect(status).toBe(2);
  });

  it('explains itself', async () => {
    const { status, text } = await run('--help');
    expect(text).toMatch(/Exit status: 0 all promises held/);
    expect(status).toBe(0);
  });
});
