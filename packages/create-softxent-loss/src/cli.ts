/** The command `create-softxent-loss`, which is what `npm create softxent-loss` runs. */
import { runCommand, type Surroundings } from 'create-softxent-backend';
import { createProject } from './create.js';

const usage = `usage: npm create softxent-loss FOLDER

Makes FOLDER, a package with a softxent loss in TypeScript and its formula; its tests hold the one to the other on two backends.
The package has the folder's name.
`;

/** Runs the command. Returns its exit code: 0 done, 1 not possible, 2 not understood. */
export function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return runCommand({ usage, create: createProject }, args, surroundings);
}
