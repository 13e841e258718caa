// The command softxent-caffe.
import process from 'node:process';
import { main } from './cli.js';

// A reader that has seen enough (`softxent-caffe inspect x | head`) is no mistake to print a stack for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(1);
});

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  // `pnpm run start` runs in the package's folder; scripts/run.mjs says in which folder the user is.
  folder: process.env['SOFTXENT_FOLDER'] ?? process.cwd(),
  signals: process,
});
