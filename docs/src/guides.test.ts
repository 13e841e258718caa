/** Every block of code in the guides compiles and runs, and prints what the page says. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process, { execPath } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format, promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readPage, type Page } from './page.js';

const docs = fileURLToPath(new URL('..', import.meta.url));
const extracted = join(docs, 'extracted');

/** What running a page came to. */
interface Run {
  readonly printed: readonly string[];
  readonly error: unknown;
}

async function runModule(path: string): Promise<Run> {
  const printed: string[] = [];
  const log = console.log;
  console.log = (...values: unknown[]) => void printed.push(...format(...values).split('\n'));
  try {
    await import(/* @vite-ignore */ pathToFileURL(path).href);
    return { printed, error: undefined };
  } catch (error) {
    return { printed, error };
  } finally {
    console.log = log;
  }
}

/** Runs a module in a folder of its own, which is gone afterwards. */
async function runInFolder(path: string): Promise<Run> {
  const here = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'softxent-guide-'));
  process.chdir(folder);
  try {
    return await runModule(path);
  } finally {
    process.chdir(here);
    await rm(folder, { recursive: true, force: true });
  }
}

async function compile(): Promise<string> {
  // The repository's TypeScript, not the older one that typedoc reads sources with.
  const { resolve } = createRequire(join(docs, '..', 'package.json'));
  const tsc = join(dirname(resolve('typescript/package.json')), 'bin', 'tsc');
  const project = join(docs, 'tsconfig.guides.json');
  try {
    await promisify(execFile)(execPath, [tsc, '-p', project, '--pretty', 'false'], { cwd: docs });
    return '';
  } catch (error) {
    return (error as { stdout?: string }).stdout || String(error);
  }
}

const names = (await readdir(join(docs, 'guides'))).filter((name) => name.endsWith('.md')).toSorted();
await rm(extracted, { recursive: true, force: true });
await mkdir(extracted, { recursive: true });

const pages: { name: string; page: Page; run: Run | undefined }[] = [];
for (const name of names) {
  // One page after the other: each has the console to itself.
  // oxlint-disable-next-line no-await-in-loop
  const page = readPage(await readFile(join(docs, 'guides', name), 'utf8'));
  const path = join(extracted, name.replace(/\.md$/, '.ts'));
  // oxlint-disable-next-line no-await-in-loop
  await writeFile(path, page.module || 'export {};\n');
  // oxlint-disable-next-line no-await-in-loop
  if (page.browser !== '') await writeFile(path.replace(/\.ts$/, '.browser.ts'), page.browser);
  // A page may declare tests of its own (conformance): they are part of this file's.
  // oxlint-disable-next-line no-await-in-loop
  pages.push({
    name,
    page,
    run: await (page.module === '' ? undefined : page.usesShell ? runInFolder(path) : runModule(path)),
  });
}

describe('the code in the guides', () => {
  it('compiles', async () => {
    expect(await compile()).toBe('');
  });

  it.each(pages.filter(({ run }) => run !== undefined))(
    'runs, and prints what the page says: $name',
    ({ page, run }) => {
      if (run?.error !== undefined) throw run.error;
      expect(run?.printed).toEqual(page.printed);
    },
  );
});
