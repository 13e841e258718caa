// Adds up what the tests of all packages reported. A package with tests and without a result is a failure.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { root, workspacePackages } from './workspace.mjs';

const ignoredFolders = new Set(['node_modules', 'dist', 'test-results', 'coverage', '.turbo']);

function hasTestFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).some((entry) =>
    entry.isDirectory()
      ? !ignoredFolders.has(entry.name) && hasTestFiles(join(folder, entry.name))
      : /\.test\.[cm]?tsx?$/.test(entry.name),
  );
}

function readResult(path) {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Reads test-results/vitest.json of every package; `complete` is false when one is missing or reports a failure.
 * With `partial` only some packages were asked for, and only results that are there count.
 */
export function summarize({ partial = false } = {}) {
  let passed = 0;
  let failed = 0;
  const skipped = [];
  const problems = [];
  for (const { folder, manifest } of workspacePackages()) {
    if (!hasTestFiles(join(root, folder))) continue;
    const result = readResult(join(root, folder, 'test-results', 'vitest.json'));
    if (manifest.scripts?.test === undefined) {
      problems.push(`${manifest.name}: has test files and no "test" script`);
    } else if (result === undefined) {
      if (!partial) problems.push(`${manifest.name}: its tests left no result`);
    } else {
      passed += result.numPassedTests;
      failed += result.numFailedTests;
      for (const file of result.testResults) {
        // A file that could not be loaded fails without a test of its own.
        if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
          problems.push(`${manifest.name}: ${file.name.slice(root.length + 1)} failed outside its tests`);
        }
        for (const test of file.assertionResults) {
          if (test.status !== 'passed' && test.status !== 'failed') {
            skipped.push(`${manifest.name}: ${test.fullName}`);
          }
        }
      }
      if (!result.success && result.numFailedTests === 0)
        problems.push(`${manifest.name}: the test run failed`);
    }
  }
  failed += problems.length;
  const details = [
    ...skipped.map((name) => `skipped: ${name}`),
    ...problems.map((problem) => `failed: ${problem}`),
  ];
  return { complete: failed === 0, details, line: `${passed} passed, ${failed} failed` };
}
