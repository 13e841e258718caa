// Runs the pnpm that package.json names, with nothing but Node and npm installed:
//   node scripts/pnpm.mjs install --no-frozen-lockfile
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { readJson, root } from './workspace.mjs';

/** Runs a program with the terminal attached and returns its exit status. */
export function run(command, args, options = {}) {
  const env = { ...process.env, ...options.env };
  // What an outer npx was asked to run: an inner one would take it for its own.
  delete env.npm_config_call;
  delete env.npm_config_package;
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options, env });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

function npx(args, options) {
  // npm says where it lives; the npx beside it then runs without a shell, on Windows too.
  const cli = process.env.npm_execpath && join(dirname(process.env.npm_execpath), 'npx-cli.js');
  return cli && existsSync(cli)
    ? run(process.execPath, [cli, '--yes', ...args], options)
    : run('npx', ['--yes', ...args], { ...options, shell: process.platform === 'win32' });
}

/** Runs a command with pnpm on its PATH. */
export function withPnpm(command, options) {
  return npx([`--package=${readJson('package.json').packageManager}`, '--', ...command], options);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = withPnpm(['pnpm', ...process.argv.slice(2)], { cwd: process.cwd() });
}
