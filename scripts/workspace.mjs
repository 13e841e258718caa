// Where the repository is, and which packages it holds.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Parses a JSON file named by its path below the repository root. */
export function readJson(...path) {
  return JSON.parse(readFileSync(join(root, ...path), 'utf8'));
}

/** Every package of the workspace: its folder below the root and its package.json. */
export function workspacePackages() {
  const yaml = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const patterns = /^packages:\n((?: +- .*\n)+)/m.exec(yaml)[1].matchAll(/- +(\S+)/g);
  return Array.from(patterns, ([, pattern]) => foldersOf(pattern))
    .flat()
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readJson(folder, 'package.json') }));
}

// A pattern of pnpm-workspace.yaml is a folder, or every folder in one: "docs", "packages/*".
function foldersOf(pattern) {
  if (!pattern.endsWith('/*')) return [pattern];
  const parent = pattern.slice(0, -2);
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent))
    .toSorted()
    .map((name) => `${parent}/${name}`);
}
