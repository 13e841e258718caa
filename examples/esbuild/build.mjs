// Builds a page with esbuild, which does not follow `new Worker(new URL('./worker.js', import.meta.url))`: the worker that
// backend-wasm starts is copied beside the bundle, where that address points. It imports nothing.
//   node esbuild/build.mjs OUT
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const out = process.argv[2] ?? 'out';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

await build({ entryPoints: [here('page.ts')], outdir: out, bundle: true, format: 'esm', target: 'es2022' });
await copyFile(here('page.html'), join(out, 'page.html'));
const backend = dirname(fileURLToPath(import.meta.resolve('@softxent/backend-wasm')));
await copyFile(join(backend, 'threads', 'worker.js'), join(out, 'worker.js'));
