import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** The specifiers that a source file imports. */
function importsOf(file: URL): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?! \*).*\bfrom '([^']+)';$/gm)].map((match) => match[1] as string);
}

/** Everything that a file reaches: files by path, packages by name. */
function reach(file: URL, seen = new Set<string>()): Set<string> {
  if (seen.has(file.href)) return seen;
  seen.add(file.href);
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith('.')) reach(new URL(specifier.replace(/\.js$/, '.ts'), file), seen);
    else seen.add(specifier);
  }
  return seen;
}

it('the suite runs in a browser: it reaches core and nothing of Node', () => {
  const reached = [...reach(new URL('./index.ts', import.meta.url))];
  expect(reached.filter((name) => name.endsWith('.ts')).length).toBeGreaterThan(15);
  expect(reached.filter((name) => !name.startsWith('file:')).toSorted()).toEqual([
    '@softxent/core',
    '@softxent/core/program',
    '@softxent/core/reference',
  ]);
});
