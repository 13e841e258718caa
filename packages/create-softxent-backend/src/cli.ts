/** The command `create-softxent-backend`, which is what `npm create softxent-backend` runs. */
import { runCommand, type Surroundings } from './command.js';
import { createProject } from './create.js';

const usage = `usage: npm create softxent-backend FOLDER

Makes FOLDER, a package with a working softxent backend in TypeScript, its tests wired to the conformance suite.
The package has the folder's name.
`;

/** Runs the command. Returns its exit code: 0 done, 1 not possible, 2 not understood. */
export function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return runCommand({ usage, create: createProject }, args, surroundings);
}
