// Runs the pnpm that package.json names, with nothing but Node and npm installed:
//   node scripts/pnpm.mjs install --no-frozen-lockfile
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Parses a JSON file named by its path below the repository root. */
export function readJson(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'));
}

/** The environment for tools: quiet, without npm's own leftovers, and with the Node version for turbo's cache key. */
export function toolEnv() {
  const env = { ...process.env };
  // npx reads these back from an outer npx and would run the outer command again.
  delete env.npm_config_call;
  delete env.npm_config_package;
  env.TURBO_TELEMETRY_DISABLED = '1';
  env.DO_NOT_TRACK = '1';
  env.TURBO_NO_UPDATE_NOTIFIER = '1';
  // Results that Node computed are not reused under another Node.
  env.SOFTXENT_NODE_VERSION = process.version;
  return env;
}

/** Runs pnpm with the terminal attached and returns its exit status. */
export function pnpm(args, options = {}) {
  const npxArgs = ['--yes', readJson('package.json').packageManager, ...args];
  const settings = { cwd: root, env: toolEnv(), stdio: 'inherit', ...options };
  // npm says where it lives; its npx then runs without a shell, on Windows too.
  const npxCli = process.env.npm_execpath && join(dirname(process.env.npm_execpath), 'npx-cli.js');
  const result =
    npxCli && existsSync(npxCli)
      ? spawnSync(process.execPath, [npxCli, ...npxArgs], settings)
      : spawnSync('npx', npxArgs, { ...settings, shell: process.platform === 'win32' });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = pnpm(process.argv.slice(2), { cwd: process.cwd() });
}
