// What a package adds to a program that is bundled: its own code, minified and gzipped, against its budget.
//   node scripts/bundle-size.mjs        (in a package's folder, after its build)
// Dependencies and Node's modules are left out; they have sizes of their own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

import { readJson } from './workspace.mjs';

const entry = 'virtual:entry';

async function bundled(code, file) {
  const bundle = await rolldown({
    input: entry,
    external: (id) => id !== entry && !id.startsWith('.') && !id.startsWith('/') && id !== 'the-package',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : id === 'the-package' ? file : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  return output.reduce(
    (bytes, { code: text }) => bytes + (text ? gzipSync(text, { level: 9 }).length : 0),
    0,
  );
}

/** Measures the package in a folder; returns a line for each of its budgets, and whether all of them are kept. */
export async function measure(folder) {
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const budgets = readJson('scripts', 'size-budgets.json')[name];
  if (budgets === undefined)
    return { lines: [`${name}: no budget in scripts/size-budgets.json`], isKept: false };
  const lines = [];
  let isKept = true;
  for (const { what, import: names, limit } of budgets) {
    const code = `export ${names ? `{ ${names.join(', ')} }` : '*'} from 'the-package';`;
    const bytes = await bundled(code, join(folder, 'dist', 'index.js'));
    if (bytes > limit) isKept = false;
    lines.push(`${name}, ${what}: ${bytes} bytes gzipped, ${bytes > limit ? 'MORE THAN' : 'of'} ${limit}`);
  }
  return { lines, isKept };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { lines, isKept } = await measure(process.cwd());
  for (const line of lines) console.log(line);
  if (!isKept) process.exitCode = 1;
}
