// Lists the licences of everything that comes with the published packages: their production dependencies, and those of these.
//   node scripts/check-licences.mjs            compares docs/licences.md with what is installed
//   node scripts/check-licences.mjs --write    writes it
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';

import { root, workspacePackages } from './workspace.mjs';

/** What may be among them. Another one is a decision, not an update. */
const accepted = new Set([
  'MIT',
  'ISC',
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '(Apache-2.0 AND BSD-3-Clause)',
  '(MIT OR CC0-1.0)',
]);

/** Where package.json points to a file: what that file is, as it was read by a person for these versions. */
const read = {
  'h5wasm@0.10.3': 'NIST Software License (LICENSE.txt; holds HDF5, BSD-3-Clause)',
};

const readManifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** As Node resolves: in node_modules of the folder and of those above it. */
function find(name, folder) {
  const path = join(folder, 'node_modules', name);
  if (existsSync(path)) return realpathSync(path);
  const above = dirname(folder);
  if (above === folder) throw new Error(`${name} is not installed`);
  return find(name, above);
}

const published = workspacePackages().filter(({ manifest }) => manifest.private !== true);
const own = new Set(published.map(({ manifest }) => manifest.name));
/** @type {Map<string, { licence: string, users: Set<string> }>} */
const found = new Map();

function visit(name, from, user) {
  if (own.has(name)) return;
  const folder = find(name, from);
  const { version, license, dependencies = {} } = readManifest(folder);
  const key = `${name}@${version}`;
  const entry = found.get(key) ?? { licence: read[key] ?? license ?? 'none', users: new Set() };
  found.set(key, entry);
  if (entry.users.has(user)) return;
  entry.users.add(user);
  for (const other of Object.keys(dependencies)) visit(other, folder, user);
}
for (const { folder, manifest } of published) {
  for (const name of Object.keys(manifest.dependencies ?? {})) visit(name, join(root, folder), manifest.name);
}

const byName = (a, b) => (a < b ? -1 : 1);
const rows = [...found].toSorted(([a], [b]) => byName(a, b));
const problems = rows.filter(([key, { licence }]) => !accepted.has(licence) && read[key] === undefined);
const page = `# Licences

softxent is under the [MIT licence](../LICENSE). What is installed with its packages (peer dependencies, which a program brings itself, are not):

| package | licence | comes with |
| --- | --- | --- |
${rows.map(([key, { licence, users }]) => `| ${key} | ${licence} | ${[...users].toSorted(byName).join(', ')} |`).join('\n')}

sharp installs a prebuilt library for the machine's platform, \`@img/sharp-PLATFORM\` (Apache-2.0) with \`@img/sharp-libvips-PLATFORM\`
(libvips and what it uses, LGPL-3.0-or-later), as a file of its own that it loads. @softxent/core and the packages that build on nothing else have no dependencies.

This page is written by \`node scripts/check-licences.mjs --write\`; the test run compares it with what is installed.
`;

const path = join(root, 'docs', 'licences.md');
if (process.argv.includes('--write')) writeFileSync(path, page);
const written = existsSync(path) ? readFileSync(path, 'utf8') : '';
for (const [key, { licence }] of problems)
  console.error(`${key}: found licence ${licence}, expected one that scripts/check-licences.mjs accepts`);
if (written !== page)
  console.error('docs/licences.md is not what is installed: run node scripts/check-licences.mjs --write');
if (problems.length > 0 || written !== page) process.exitCode = 1;
else console.log(`licences of ${rows.length} dependencies are listed and accepted`);
