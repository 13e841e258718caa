// Packs the package of the current folder as it would be published, and checks what a user would install:
// publint for package.json against the files, "are the types wrong" for the types under Node's resolution, and what
// it adds to a bundled program against its budget (size-budgets.json).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { measure } from './bundle-size.mjs';

// What a check prints is shown when it fails.
function check(command, ...args) {
  const result = spawnSync(command, args, { encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.error) throw result.error;
  if (result.status === 0) return true;
  console.error(`${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  process.exitCode = 1;
  return false;
}

const folder = mkdtempSync(join(tmpdir(), 'softxent-pack-'));
try {
  if (check('pnpm', '--silent', 'pack', '--pack-destination', folder)) {
    const archive = join(folder, readdirSync(folder)[0]);
    check('publint', 'run', '--strict', archive);
    check('attw', archive, '--profile', 'esm-only', '--no-color', '--format', 'ascii');
    const { lines, isKept } = await measure(process.cwd());
    for (const line of lines) console[isKept ? 'log' : 'error'](line);
    if (!isKept) process.exitCode = 1;
    if (process.exitCode === undefined) console.log('what would be published is sound');
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
