/** For tests: runs the command in a folder of its own. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from './cli.js';
import type { Signals } from './surroundings.js';

/** A folder that goes when the test ends. */
export class Scratch implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'softxent-trainer-'));

  /** @param fixtures a folder of fixtures to copy in */
  constructor(fixtures?: string) {
    if (fixtures !== undefined) {
      const from = fileURLToPath(new URL(`../fixtures/${fixtures}/`, import.meta.url));
      cpSync(from, this.folder, { recursive: true });
    }
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a run of the command printed and how it ended. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command. Nets run on one thread. */
export async function run(folder: string, args: readonly string[], signals?: Signals): Promise<Ran> {
  const printed = { stdout: '', stderr: '' };
  const threads = ['train', 'test', 'time'].includes(args[0] ?? '') ? ['--threads', '1'] : [];
  const status = await main([...args, ...threads], {
    stdout: { write: (text) => (printed.stdout += text) },
    stderr: { write: (text) => (printed.stderr += text) },
    folder,
    ...(signals && { signals }),
  });
  return { status, ...printed };
}
