/** What the modules made of pages call for commands and files: in the folder in which the page runs. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const commands = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
let output: string[] = [];

/** Runs a command line of a page, with the commands of this workspace on its path. */
export async function sh(line: string): Promise<void> {
  if (line.trim() === '') return;
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(VITEST|NODE_ENV$|SOFTXENT_FOLDER$|INIT_CWD$)/.test(name),
    ),
  );
  env['PATH'] = `${commands}${delimiter}${env['PATH'] ?? ''}`;
  const [command = '', ...args] = line.trim().split(/\s+/);
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, {
      env,
      shell: process.platform === 'win32',
    });
    output = `${stdout}${stderr}`.split('\n');
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${line}\n${stdout}${stderr}`, { cause: error });
  }
}

/** A line that the last command has to have printed, behind those that were asked for before. */
export function shown(line: string): void {
  const index = output.indexOf(line);
  if (index < 0) throw new Error(`the command did not print '${line}', but:\n${output.join('\n')}`);
  output = output.slice(index + 1);
}

/** Writes a file of a page. */
export async function file(name: string, lines: readonly string[]): Promise<void> {
  await writeFile(name, `${lines.join('\n')}\n`);
}
