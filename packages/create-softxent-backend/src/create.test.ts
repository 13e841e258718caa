import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from './cli.js';
import { createProject } from './create.js';
import { readManifest, workbench } from './testing/index.js';

const { install, command, versionOf } = workbench(fileURLToPath(new URL('..', import.meta.url)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-create-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a generated project', () => {
  let project: string;
  beforeAll(async () => {
    ({ folder: project } = await createProject(join(folder, 'my-backend')));
    await install(project);
  });

  it('builds, and its build holds the conformance command', async () => {
    await command(project, 'typescript', 'bin/tsc', '-p', 'tsconfig.json');
    await command(project, 'typescript', 'bin/tsc', '-p', 'tsconfig.build.json');
    expect((await readdir(join(project, 'dist'))).filter((name) => name.includes('test'))).toEqual([]);
    const bin = 'bin/softxent-conformance.js';
    const report = await command(
      project,
      '@softxent/conformance',
      bin,
      './dist/index.js',
      '--quick',
      '--filter',
      'binaryCrossEntropy',
    );
    expect(report).toContain('my-backend (one expression at a time)');
  });

  it('passes its tests, every one of them', async () => {
    await command(project, 'vitest', 'vitest.mjs', 'run', '--reporter=json', '--outputFile=result.json');
    const result = JSON.parse(await readFile(join(project, 'result.json'), 'utf8')) as Record<string, number>;
    expect(result['numPassedTests']).toBeGreaterThan(100);
    expect(result['numPassedTests']).toBe(result['numTotalTests']);
  });

  it('fails its tests when its kernel is wrong', async () => {
    const { folder: other } = await createProject(join(folder, 'broken-backend'));
    await install(other);
    const kernel = join(other, 'src', 'kernel.ts');
    const text = await readFile(kernel, 'utf8');
    await writeFile(
      kernel,
      text.replace('const value = evaluate(of, place);', 'const value = 2 * evaluate(of, place);'),
    );
    const filter = ['-t', 'binaryCrossEntropy: every reduction'];
    await expect(command(other, 'vitest', 'vitest.mjs', 'run', ...filter)).rejects.toThrow(/allowed 1/);
  });

  it('has the name of its folder, and the versions that it was tested with', async () => {
    const manifest = await readManifest(join(project, 'package.json'));
    expect(manifest.name).toBe('my-backend');
    expect(manifest.dependencies).toEqual({ '@softxent/core': `^${await versionOf('@softxent/core')}` });
    expect(manifest.devDependencies).toEqual({
      '@softxent/conformance': `^${await versionOf('@softxent/conformance')}`,
      typescript: `^${await versionOf('typescript')}`,
      vitest: `^${await versionOf('vitest')}`,
    });
    expect(await readFile(join(project, '.gitignore'), 'utf8')).toContain('node_modules');
    const texts = await Promise.all(
      ['README.md', 'src/backend.ts'].map((name) => readFile(join(project, name), 'utf8')),
    );
    expect(texts.join('')).not.toContain('softxent-backend-template');
  });
});

describe('nothing is written where', () => {
  it('the folder holds something', async () => {
    await mkdir(join(folder, 'full'));
    await writeFile(join(folder, 'full', 'thesis.tex'), '');
    await expect(createProject(join(folder, 'full'))).rejects.toThrow(
      /found 1 entries, expected a new or empty folder/,
    );
    expect(await readdir(join(folder, 'full'))).toEqual(['thesis.tex']);
  });

  it('the name is none for a package', async () => {
    await expect(createProject(join(folder, 'My Backend'))).rejects.toThrow(/'My Backend'/);
    expect(await readdir(folder)).not.toContain('My Backend');
  });
});

describe('the command', () => {
  const call = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
    let [out, err] = ['', ''];
    const code = await main(args, {
      folder,
      print: (text) => (out += text),
      complain: (text) => (err += text),
    });
    return { code, out, err };
  };

  it('makes a project and says what to do next', async () => {
    const { code, out } = await call('next-backend');
    expect(code).toBe(0);
    expect(out).toContain('cd next-backend');
    expect(await readdir(join(folder, 'next-backend'))).toContain('package.json');
  });

  it('exits with 1 where it cannot and 2 where it does not understand', async () => {
    expect(await call('UPPER')).toMatchObject({ code: 1, err: expect.stringContaining("'UPPER'") as string });
    expect((await call()).code).toBe(2);
    expect((await call('a', 'b')).err).toContain('usage');
    expect((await call('--help')).out).toContain('usage');
  });
});
