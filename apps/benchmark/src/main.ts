// The command softxent-bench.
import process from 'node:process';
import { main } from './cli.js';

// A reader that has seen enough (`softxent-bench | head`) is no mistake to print a stack for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(1);
});

const stop = new AbortController();
// A second one ends the process at once.
process.once('SIGINT', () => stop.abort(new Error('stopped')));

process.exitCode = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  folder: process.env['SOFTXENT_FOLDER'] ?? process.cwd(),
  now: () => new Date(),
  signal: stop.signal,
});
