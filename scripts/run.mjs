// `npm start` and `npm test` come here, from a fresh clone on, with nothing but Node and npm installed.
// One call of npx fetches pnpm (turbo and publint look for it on PATH) and runs the tasks beneath it.
import process from 'node:process';

import { withPnpm } from './pnpm.mjs';

// npm says in INIT_CWD where the user is; npx and pnpm, each in its turn, say there where they were started.
const env = { SOFTXENT_FOLDER: process.env.INIT_CWD ?? process.cwd() };
process.exitCode = withPnpm(['node', 'scripts/tasks.mjs', ...process.argv.slice(2)], { env });
