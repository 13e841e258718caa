// What this machine's adapter is worth: node scripts/gpu-report.mjs
//
// Prints the adapter, the worst error of each elementary function and loss in ulp, GB/s of losses beside a copy of the
// same run, and the conformance suite, which goes to a file as JSON too. Runs on sources: nothing has to be built. It takes
// minutes on a GPU and the better part of an hour in software. Exit status: 0 all promises held, 1 one broke, 2 no adapter.
//   --quick  --filter=TEXT  --elements=67108864  --seconds=3  --json=gpu-report.json
// It takes the machine's own adapter (SOFTXENT_WEBGPU_ADAPTER=system, the default here), or with
// SOFTXENT_WEBGPU_ADAPTER=software the one that tests use.
import { spawnSync } from 'node:child_process';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createViteServer } from 'vitest/node';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    filter: { type: 'string' },
    elements: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'string', default: 'gpu-report.json' },
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const conditions = ['@softxent/source', 'node', 'module', 'import', 'default'];

/** Sources are loaded as tests load them. */
const server = await createViteServer({
  root,
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  environments: { ssr: { resolve: { conditions, noExternal: [/^@softxent\//] } } },
});
const load = (path) => server.environments.ssr.runner.import(join(root, 'src', path));

async function writeWhole(path, text) {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

async function main() {
  // Dawn reads its environment when a process starts.
  if (process.env.SOFTXENT_WEBGPU_ADAPTER === 'software' && !process.env.SOFTXENT_GPU_REPORT_CHILD) {
    const { softwareAdapter } = await load('node/software-adapter.ts');
    const env = { ...process.env, ...softwareAdapter(), SOFTXENT_GPU_REPORT_CHILD: '1' };
    return spawnSync(process.execPath, process.argv.slice(1), { env, stdio: 'inherit' }).status ?? 2;
  }
  const { report } = await load('testing/report.ts');
  const isWatched = Boolean(process.stderr.isTTY);
  try {
    const { ok, json } = await report({
      ...(given.elements === undefined ? {} : { elements: Number(given.elements) }),
      ...(given.filter === undefined ? {} : { filter: new RegExp(given.filter) }),
      seconds: Number(given.seconds),
      quick: given.quick,
      print: (line) => console.log(line),
      progress: (line) => {
        if (isWatched) process.stderr.write(`\r${line.slice(0, 100).padEnd(100)}\r`);
      },
    });
    await writeWhole(given.json, json);
    console.log(`\nreport    ${given.json}`);
    return ok ? 0 : 1;
  } catch (error) {
    if (error?.code !== 'BACKEND_UNAVAILABLE') throw error;
    console.error(error.message);
    return 2;
  }
}

const status = await main();
await server.close();
process.exit(status);
