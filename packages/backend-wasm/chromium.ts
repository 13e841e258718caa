/** The browser that tests run in: Chromium from npm, or the one that CHROME_PATH names. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { brotliDecompressSync } from 'node:zlib';

/** What playwright's `launch` takes. */
export interface BrowserLaunch {
  readonly executablePath: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
}

const args = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** How to start the browser; undefined where there is none for this machine. */
export function chromium(): BrowserLaunch | undefined {
  const own = process.env['CHROME_PATH'];
  if (own !== undefined && own !== '') return { executablePath: own, args };
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const folder = resolve('node_modules', '.cache', 'softxent-chromium');
  if (!existsSync(folder)) unpack(folder);
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const libraries = [folder, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  return {
    executablePath: join(folder, 'chromium'),
    args,
    env: { ...Object.fromEntries(inherited), LD_LIBRARY_PATH: libraries },
  };
}

/** The browser, and the system libraries that a bare machine lacks. The folder gets its name when it is complete. */
function unpack(folder: string): void {
  const main = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const source = join(dirname(main), '..', '..', 'bin');
  const read = (name: string): Buffer => brotliDecompressSync(readFileSync(join(source, name)));
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    writeFileSync(join(temporary, 'chromium'), read('chromium.br'), { flush: true });
    chmodSync(join(temporary, 'chromium'), 0o755);
    execFileSync('tar', ['-x', '--strip-components=1', '-C', temporary], { input: read('al2023.tar.br') });
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
}
