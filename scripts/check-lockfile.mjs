// The lockfile and .npmrc name no host, so that every user's own registry setting decides where packages come from.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { root } from './workspace.mjs';

const forbidden = [
  [/\bhttps?:\/\/\S+|\bgit(\+\w+)?:\/\/\S+/, 'an address'],
  [/\btarball:/, 'a tarball address'],
  [/\bregistry\s*=/, 'a registry'],
  [/_authToken|_password|_auth\b/, 'a credential'],
];

let findings = 0;
for (const name of ['pnpm-lock.yaml', '.npmrc']) {
  const path = join(root, name);
  if (!existsSync(path)) {
    if (name === '.npmrc') continue;
    console.error(`${name}: missing`);
    findings += 1;
    continue;
  }
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    // A deprecation notice is its author's prose and may hold a link; nothing is fetched from it.
    if (/^\s+deprecated:/.test(line)) continue;
    for (const [pattern, what] of forbidden) {
      if (pattern.test(line)) {
        console.error(`${name}:${index + 1}: names ${what}: ${line.trim()}`);
        findings += 1;
      }
    }
  }
}
if (findings > 0) process.exitCode = 1;
else console.log('pnpm-lock.yaml names no host');
