// What the release workflow runs:
//   node scripts/release.mjs version    raises versions and writes changelogs as the changesets say, and renews the lockfile
//   node scripts/release.mjs publish    builds, and publishes every package whose version the registry does not have yet
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { withPnpm } from './pnpm.mjs';
import { root, workspacePackages } from './workspace.mjs';

// Provenance is refused for a package that does not say where it comes from; the workflow knows where it runs.
function nameRepository({ GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository }) {
  if (!server || !repository) return;
  for (const { folder, manifest } of workspacePackages()) {
    if (manifest.private === true) continue;
    const url = `git+${server}/${repository}.git`;
    const named = { ...manifest, repository: { type: 'git', url, directory: folder } };
    writeFileSync(join(root, folder, 'package.json'), `${JSON.stringify(named, undefined, 2)}\n`);
  }
}

const steps = {
  version: [
    ['pnpm', 'exec', 'changeset', 'version'],
    ['pnpm', 'install', '--no-frozen-lockfile', '--lockfile-only'],
  ],
  publish: [
    ['pnpm', 'exec', 'turbo', 'run', 'build', 'package-check'],
    ['pnpm', 'exec', 'changeset', 'publish'],
  ],
};

const wanted = steps[process.argv[2]];
if (wanted === undefined) {
  console.error('usage: node scripts/release.mjs version|publish');
  process.exitCode = 2;
}
if (process.argv[2] === 'publish') nameRepository(process.env);
for (const command of wanted ?? []) {
  process.exitCode = withPnpm(command);
  if (process.exitCode !== 0) break;
}
