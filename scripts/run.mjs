// What `npm test` and `npm start` run, from a fresh clone on: installs what the lockfile says, then turbo.
//   node scripts/run.mjs test [turbo options]
//   node scripts/run.mjs start [options of the demo]
//   node scripts/run.mjs TASK... [turbo options]
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { pnpm, root } from './pnpm.mjs';
import { summarize, workspacePackages } from './test-summary.mjs';

const testTasks = [
  'build',
  'typecheck',
  'package-check',
  'test',
  '//#lint',
  '//#format:check',
  '//#lockfile:check',
  '//#boundaries',
];

function turbo(...args) {
  return pnpm(['exec', 'turbo', 'run', ...args]);
}

function install() {
  const status = pnpm(['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn']);
  if (status !== 0) process.exit(status);
}

function runTests(options) {
  // Results come from this run or from turbo's cache, never from an earlier run's leftovers.
  for (const { folder } of workspacePackages()) {
    rmSync(join(root, folder, 'test-results'), { recursive: true, force: true });
  }
  const status = turbo(
    ...testTasks,
    '--concurrency=2',
    '--continue=dependencies-successful',
    '--output-logs=new-only',
    ...options,
  );
  const { complete, details, line } = summarize();
  for (const detail of details) console.log(detail);
  console.log(line);
  return status !== 0 ? status : complete ? 0 : 1;
}

function runDemo(options) {
  // The packages with commands are built too, so that `npx softxent-...` works afterwards.
  const withCommands = workspacePackages().filter(({ manifest }) => manifest.bin);
  const names = new Set(['@softxent/demo', ...withCommands.map(({ manifest }) => manifest.name)]);
  const status = turbo(
    'build',
    ...Array.from(names, (name) => `--filter=${name}`),
    '--output-logs=errors-only',
  );
  if (status !== 0) return status;
  // Not through turbo: the demo draws a progress bar and needs the terminal for itself.
  return pnpm(['--silent', '--dir', join(root, 'apps', 'demo'), 'run', 'start', ...options]);
}

const [task, ...rest] = process.argv.slice(2);
if (task === undefined) {
  console.error('usage: node scripts/run.mjs test|start|TASK... [options]');
  process.exit(2);
}
install();
if (task === 'test') process.exitCode = runTests(rest);
else if (task === 'start') process.exitCode = runDemo(rest);
else process.exitCode = turbo(task, ...rest);
