/** What commands that make projects have in common. */
import { relative, resolve } from 'node:path';
import { CreateError, type CreatedProject } from './template.js';

/** Where the command stands, and where it writes. */
export interface Surroundings {
  readonly folder: string;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

/** A command that makes projects of one kind. */
export interface CreateCommand {
  readonly usage: string;
  readonly create: (folder: string) => Promise<CreatedProject>;
}

/** Runs the command. Returns its exit code: 0 done, 1 not possible, 2 not understood. */
export async function runCommand(
  { usage, create }: CreateCommand,
  args: readonly string[],
  { folder: from, print, complain }: Surroundings,
): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    print(usage);
    return 0;
  }
  const [folder] = args;
  if (folder === undefined || args.length > 1 || folder.startsWith('-')) {
    complain(usage);
    return 2;
  }
  try {
    const made = await create(resolve(from, folder));
    print(`${made.name}: ${made.files.length} files. Next:\n\n`);
    print(`    cd ${relative(from, made.folder)}\n    npm install\n    npm test\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CreateError)) throw error;
    complain(`${error.message}\n`);
    return 1;
  }
}
