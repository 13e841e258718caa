// Puts the commands of the workspace's packages where `npx NAME` at the repository root finds them.
// A devDependency of the root would do the same, but turbo counts the root's dependencies into every
// task's cache key: a change in one of these packages would then run everything again.
import { chmodSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';

import { root, workspacePackages } from './workspace.mjs';

const folder = join(root, 'node_modules', '.bin');

function isLinkTo(path, target) {
  return (
    lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === target
  );
}

function link(name, program) {
  const target = relative(folder, program);
  const path = join(folder, name);
  if (process.platform === 'win32') {
    writeFileSync(`${path}.cmd`, `@node "%~dp0\\${target}" %*\r\n`);
  } else if (!isLinkTo(path, target)) {
    rmSync(path, { force: true });
    symlinkSync(target, path);
    chmodSync(program, 0o755);
  }
}

/** Links every "bin" of every package; the programs themselves are there once the package is built. */
export function linkCommands() {
  mkdirSync(folder, { recursive: true });
  for (const { folder: packageFolder, manifest } of workspacePackages()) {
    for (const [name, program] of Object.entries(manifest.bin ?? {})) {
      link(name, join(root, packageFolder, program));
    }
  }
}
