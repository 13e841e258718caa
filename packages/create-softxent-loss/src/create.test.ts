import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readManifest, workbench } from 'create-softxent-backend/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from './cli.js';
import { createProject } from './create.js';

const { install, command, versionOf } = workbench(fileURLToPath(new URL('..', import.meta.url)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-create-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const vitest = (project: string, ...args: string[]): Promise<string> =>
  command(project, 'vitest', 'vitest.mjs', 'run', ...args);

describe('a generated project', () => {
  let project: string;
  beforeAll(async () => {
    ({ folder: project } = await createProject(join(folder, 'my-loss')));
    await install(project);
  });

  it('builds, and its build holds the conformance command', async () => {
    await command(project, 'typescript', 'bin/tsc', '-p', 'tsconfig.json');
    await command(project, 'typescript', 'bin/tsc', '-p', 'tsconfig.build.json');
    expect((await readdir(join(project, 'dist'))).filter((name) => name.includes('test'))).toEqual([]);
    const { scripts } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const [name, ...args] = (scripts['conformance'] as string).split(' ');
    expect(name).toBe('softxent-conformance');
    const bin = 'bin/softxent-conformance.js';
    const report = await command(project, '@softxent/conformance', bin, ...args, '--filter', 'every layout');
    expect(report).toMatch(/^loss +my-loss$/m);
    expect(report).toContain('1 held, 0 broken');
  });

  it('passes its tests, every one of them', async () => {
    await vitest(project, '--reporter=json', '--outputFile=result.json');
    const result = JSON.parse(await readFile(join(project, 'result.json'), 'utf8')) as {
      readonly numPassedTests: number;
      readonly numFailedTests: number;
      readonly testResults: readonly {
        readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
      }[];
    };
    expect(result.numPassedTests).toBeGreaterThan(20);
    expect(result.numFailedTests).toBe(0);
    const unheld = result.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status !== 'passed');
    // What a backend lacks: float64 on WebAssembly, float16 predictions on both.
    for (const { status, fullName } of unheld)
      expect(`${status} ${fullName}`).toMatch(/float(64|16) predictions/);
  });

  it('fails its tests when its gradient is wrong', async () => {
    const { folder: other } = await createProject(join(folder, 'broken-loss'));
    await install(other);
    const path = join(other, 'src', 'loss.ts');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('mul(sign, slope)', 'slope'));
    await expect(vitest(other, '-t', 'every reduction')).rejects.toThrow(/gradient of logits at/);
  });

  it('has the name of its folder, and the versions that it was tested with', async () => {
    const manifest = await readManifest(join(project, 'package.json'));
    expect(manifest.name).toBe('my-loss');
    expect(manifest.dependencies).toEqual({ '@softxent/core': `^${await versionOf('@softxent/core')}` });
    expect(manifest.devDependencies).toEqual({
      '@softxent/backend-cpu': `^${await versionOf('@softxent/backend-cpu')}`,
      '@softxent/backend-wasm': `^${await versionOf('@softxent/backend-wasm')}`,
      '@softxent/conformance': `^${await versionOf('@softxent/conformance')}`,
      typescript: `^${await versionOf('typescript')}`,
      vitest: `^${await versionOf('vitest')}`,
    });
    const texts = await Promise.all(
      ['README.md', 'src/loss.ts'].map((name) => readFile(join(project, name), 'utf8')),
    );
    expect(texts.join('')).not.toContain('softxent-loss-template');
  });
});

it('the command makes a project, and says how it is called', async () => {
  let [out, err] = ['', ''];
  const call = (...args: string[]): Promise<number> =>
    main(args, { folder, print: (text) => (out += text), complain: (text) => (err += text) });
  expect(await call('next-loss')).toBe(0);
  expect(out).toContain('cd next-loss');
  expect(await readdir(join(folder, 'next-loss'))).toContain('package.json');
  expect(await call()).toBe(2);
  expect(err).toContain('npm create softxent-loss');
});
