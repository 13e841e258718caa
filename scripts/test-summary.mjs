// Adds up what the tests of all packages reported. A package with tests and without a result is a failure.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

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
 * Adds up test-results/vitest.json of every package. `failures` counts failed tests, `problems` names what went wrong
 * beside them, a missing result above all. With `partial` only some packages were asked to run, and only results
 * that are there count.
 */
export function summarize({ partial = false } = {}) {
  /** @type {{ passed: number, failures: number, skipped: string[], problems: string[] }} */
  const summary = { passed: 0, failures: 0, skipped: [], problems: [] };
  for (const { folder, manifest } of workspacePackages()) {
    if (!hasTestFiles(join(root, folder))) continue;
    const result = readResult(join(root, folder, 'test-results', 'vitest.json'));
    if (manifest.scripts?.test === undefined) {
      summary.problems.push(`${manifest.name}: has test files and no "test" script`);
    } else if (result !== undefined) {
      addResult(summary, manifest.name, result);
    } else if (!partial) {
      summary.problems.push(`${manifest.name}: its tests left no result`);
    }
  }
  return summary;
}

function addResult(summary, name, result) {
  summary.passed += result.numPassedTests;
  summary.failures += result.numFailedTests;
  for (const file of result.testResults) {
    for (const test of file.assertionResults) {
      if (test.status !== 'passed' && test.status !== 'failed')
        summary.skipped.push(`${name}: ${test.fullName}`);
    }
    // A file that could not be loaded fails without a test of its own.
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      summary.problems.push(`${name}: ${relative(root, file.name)} failed outside its tests`);
    }
  }
}
