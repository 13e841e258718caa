// What `npm start` runs, once everything is built.
import process from 'node:process';
import { main } from './cli.js';

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  // The package manager runs this in the package's folder and says in which folder the user is.
  folder: process.env['INIT_CWD'] ?? process.cwd(),
});
