/** Every package as it would be published, in an empty project; and every example, run in it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process, { execPath } from 'node:process';
import { headlessChromium } from '@softxent/backend-webgpu/software-adapter';
import { build } from 'esbuild';
import { chromium, type Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProject, programOf, run, type Installed } from './testing/project.js';
import { serve } from './testing/serve.js';

let folder: string;
let packages: readonly Installed[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softxent-examples-'));
  packages = await makeProject(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const node = (...args: string[]): Promise<string> => run(execPath, args, folder);

describe('packages as they would be published', () => {
  it('are imported in Node, by every name that they export', async () => {
    const specifiers = packages.flatMap((each) => each.specifiers);
    expect(specifiers).toEqual(expect.arrayContaining(['softxent', '@softxent/core/reference']));
    const program = `
      for (const name of ${JSON.stringify(specifiers)}) {
        const found = Object.keys(await import(name)).length;
        console.log(name, found > 0);
      }`;
    await writeFile(join(folder, 'imports.mjs'), program);
    const lines = (await node('imports.mjs')).trim().split('\n');
    expect(lines).toEqual(specifiers.map((name) => `${name} true`));
  });

  it('compute in a Node worker', async () => {
    const program = `
      import { Worker, isMainThread, parentPort } from 'node:worker_threads';
      import { open, sigmoidCrossEntropy, tensor, wasm } from 'softxent';
      if (isMainThread) new Worker(new URL(import.meta.url)).on('message', console.log);
      else {
        const session = await open(wasm({ threads: 2 }));
        const operands = { logits: tensor(Float32Array.of(0)), targets: tensor(Float32Array.of(1)) };
        parentPort.postMessage((await session.value(sigmoidCrossEntropy(), operands)).toFixed(6));
        await session.dispose();
      }`;
    await writeFile(join(folder, 'in-worker.mjs'), program);
    expect(await node('in-worker.mjs')).toBe('0.693147\n');
  });

  it('import nothing of Node where they are for browsers', async () => {
    const forNode = /^create-|caffe|conformance\/load|software-adapter/;
    const specifiers = packages.flatMap((each) => each.specifiers).filter((name) => !forNode.test(name));
    expect(specifiers.length).toBeGreaterThan(10);
    const lines = specifiers.map((name, i) => `export * as _${i} from ${JSON.stringify(name)};`);
    const { warnings, metafile } = await build({
      stdin: { contents: lines.join('\n'), resolveDir: folder },
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      external: ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/tfjs-core'],
      logLevel: 'silent',
    });
    expect(warnings).toEqual([]);
    expect(Object.keys(metafile.inputs).some((path) => path.includes('core/dist/reference'))).toBe(true);
  });
});

describe('examples', () => {
  beforeAll(async () => {
    // With the types that users get.
    await node(programOf('typescript', 'bin/tsc'));
  });

  it('a Node script: learns soft labels until the floor is all that is left of the loss', async () => {
    const lines = (await node('out/node/train.js')).trim().split('\n');
    expect(lines[0]).toMatch(/wasm|WebAssembly/i);
    expect(lines[1]).toMatch(/^step 0: loss 0\.6931, of which 0\.[2-5]\d+ is left to learn$/);
    expect(lines.at(-1)).toMatch(/^step 300: loss 0\.[1-6]\d+, of which 0\.0[0-4]\d+ is left to learn$/);
  });

  it('a training loop of TensorFlow.js: with a mask, down to the floor', async () => {
    const lines = (await node('out/tfjs/train.js')).match(/step \d+: [\d.]+/g) ?? [];
    const values = lines.map((line) => Number(line.split(': ')[1]));
    expect(values).toHaveLength(4);
    expect(values[0]).toBeGreaterThan(0.2);
    expect(values.at(-1)).toBeLessThan((values[0] ?? 0) / 4);
  });

  it.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
    'pages and workers, built with Vite and esbuild, in Chromium (which npm brings for Linux on x64 alone)',
    async () => {
      const site = join(folder, 'site');
      const bundle = join(folder, 'bundle');
      await node(programOf('vite', 'bin/vite.js'), 'build', 'web', '--outDir', site, '--logLevel', 'warn');
      await node('esbuild/build.mjs', bundle);
      const browser = await chromium.launch(headlessChromium());
      try {
        const fitted = /loss 0\.\d{4}, floor 0\.\d{4}$/;
        const page = await look(browser, site, 'index.html', true);
        expect(page).toMatch(fitted);
        expect(page).toMatch(/threads/);
        expect(await look(browser, site, 'worker.html', true)).toMatch(/2 threads.*: loss 0\.\d{4}, floor/);
        expect(await look(browser, bundle, 'page.html', true)).toMatch(/2 threads.*: loss 0\.\d{4}, floor/);
        // Without the headers, one thread computes, and says why.
        const alone = await look(browser, site, 'worker.html', false);
        expect(alone).toMatch(/isolat/);
        expect(alone).toMatch(fitted);
      } finally {
        await browser.close();
      }
    },
  );
});

/** What a page shows in the end; it may not complain. */
async function look(browser: Browser, site: string, path: string, isolated: boolean): Promise<string> {
  const served = await serve(site, isolated);
  const complaints: string[] = [];
  try {
    const page = await browser.newPage();
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) complaints.push(message.text());
    });
    await page.goto(served.address + path);
    const output = page.locator('#result', { hasNotText: /^computing$/ });
    await output.waitFor();
    const text = await output.innerText();
    await page.close();
    expect(complaints).toEqual([]);
    return text;
  } finally {
    await served.close();
  }
}
