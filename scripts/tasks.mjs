// Installs what the lockfile says, then runs tasks. Started by run.mjs, which puts pnpm on PATH.
//   node scripts/run.mjs test [turbo options]
//   node scripts/run.mjs start [options of the demo]
//   node scripts/run.mjs TASK... [turbo options]
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { linkCommands } from './link-commands.mjs';
import { run } from './pnpm.mjs';
import { summarize } from './test-summary.mjs';
import { root, workspacePackages } from './workspace.mjs';

const testTasks = [
  'build',
  'typecheck',
  'package-check',
  'test',
  'docs',
  '//#lint',
  '//#format:check',
  '//#lockfile:check',
  '//#boundaries',
  '//#knip',
  '//#licences:check',
];

const env = {
  DO_NOT_TRACK: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  // Part of turbo's cache key: results that one Node computed are not reused under another.
  SOFTXENT_NODE_VERSION: process.version,
};

function pnpm(...args) {
  return run('pnpm', args, { env, shell: process.platform === 'win32' });
}

function turbo(...args) {
  return pnpm('exec', 'turbo', 'run', ...args);
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
  const partial = options.some((option) => /^(--filter|-F)\b/.test(option));
  const { passed, failures, skipped, problems } = summarize({ partial });
  if (status !== 0 && failures + problems.length === 0) {
    // A failed build or check is a failure too, though no test is.
    problems.push('a task that is not a test, named by turbo above');
  }
  for (const name of skipped) console.log(`skipped: ${name}`);
  for (const problem of problems) console.log(`failed: ${problem}`);
  const failed = failures + problems.length;
  console.log(`${passed} passed, ${failed} failed`);
  return status === 0 && failed > 0 ? 1 : status;
}

function runDemo(options) {
  // All packages with commands are built, so that `npx softxent-...` works afterwards; the trainer is one of them.
  const names = workspacePackages().flatMap(({ manifest }) => (manifest.bin ? [manifest.name] : []));
  const status = turbo('build', ...names.map((name) => `--filter=${name}`), '--output-logs=errors-only');
  // Not through turbo: the demo draws a progress bar and needs the terminal for itself.
  if (status !== 0) return status;
  return pnpm('--silent', '--dir', join('apps', 'trainer'), 'run', 'start', ...options);
}

function main([task, ...rest]) {
  if (task === undefined) {
    console.error('usage: node scripts/run.mjs test|start|TASK... [options]');
    return 2;
  }
  const status = pnpm('install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn');
  if (status !== 0) return status;
  linkCommands();
  if (task === 'test') return runTests(rest);
  return task === 'start' ? runDemo(rest) : turbo(task, ...rest);
}

process.exitCode = main(process.argv.slice(2));
