/** The command `create-softxent-backend`, which is what `npm create softxent-backend` runs. */
import { relative, resolve } from 'node:path';
import { CreateError, createProject } from './create.js';

/** Where the command stands, and where it writes. */
export interface Surroundings {
  readonly folder: string;
  readonly print: (text: string) => void;
  readonly complain: (text: string) => void;
}

const usage = `usage: npm create softxent-backend FOLDER

Makes FOLDER, a package with a working softxent backend in TypeScript, its tests wired to the conformance suite.
The package has the folder's name.
`;

/** Runs the command. Returns its exit code: 0 done, 1 not possible, 2 not understood. */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { folder: from, print, complain } = surroundings;
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
    const made = await createProject(resolve(from, folder));
    print(`${made.name}: ${made.files.length} files. Next:\n\n`);
    print(`    cd ${relative(from, made.folder)}\n    npm install\n    npm test\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CreateError)) throw error;
    complain(`${error.message}\n`);
    return 1;
  }
}
