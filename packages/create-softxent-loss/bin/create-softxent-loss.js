#!/usr/bin/env node
import { main } from '../dist/cli.js';

const { stdout, stderr } = process;
process.exitCode = await main(process.argv.slice(2), {
  folder: process.cwd(),
  print: (text) => stdout.write(text),
  complain: (text) => stderr.write(text),
});
