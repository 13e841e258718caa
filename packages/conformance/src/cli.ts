/** The command `softxent-conformance`. Node only. */
import { open as openFile, realpath, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Backend, SoftxentError } from '@softxent/core';
import { Command, InvalidArgumentError } from 'commander';
import { loadBackend, loadHeldLoss } from './load.js';
import { heldLoss } from './loss/run.js';
import { formatReport, reportToJson } from './report.js';
import { runHeld, selectChecks, wholeSuite, type CheckResult, type Held } from './run.js';

interface Flags {
  readonly export?: string;
  readonly loss?: string;
  readonly options?: unknown;
  readonly variant: readonly unknown[];
  readonly seed: number;
  readonly filter?: string;
  readonly quick?: boolean;
  readonly json?: string;
  readonly list?: boolean;
}

/** Where the command writes, and where it stands. */
export interface Surroundings {
  readonly folder: string;
  readonly print: (text: string) => void;
  /** Shows progress in place; undefined where nobody looks. */
  readonly progress?: (text: string) => void;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new InvalidArgumentError(`not JSON: ${String(error)}`);
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('expected a whole number');
  return value;
}

/** To a temporary name, synced, then renamed: a reader never sees half a report. A device or a pipe is written to. */
async function writeWhole(file: string, text: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() === false) return writeFile(file, text);
  // A link stays a link.
  const path = found ? await realpath(file) : file;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const handle = await openFile(temporary, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

function progressLine({ name }: CheckResult, done: number, total: number): string {
  const filled = Math.round((20 * done) / total);
  const text = `[${'#'.repeat(filled)}${'.'.repeat(20 - filled)}] ${done}/${total} ${name}`;
  return text.slice(0, 100).padEnd(100);
}

/**
 * Runs the command.
 *
 * @returns the exit status: 0 where every promise held, 1 where one broke or nothing was checked, 2 where the suite
 * could not run (no such module, backend not available)
 */
export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  const command = new Command('softxent-conformance')
    .description(
      'Holds a softxent backend against the float64 reference: every loss, option, dtype, layout, reduction. ' +
        'With --loss, holds one loss of your own to its formula on that backend.',
    )
    .argument(
      '<module>',
      'path of a module, or name of a package, that exports a backend or a function that makes one',
    )
    .option(
      '-e, --export <name>',
      'which export; default: backend, else default, else the only one that fits',
    )
    .option('--loss <module>', 'a module that exports a loss with its formula: held = { loss, formula }')
    .option('-o, --options <json>', 'what a function is called with, as JSON', json)
    .option(
      '-v, --variant <json>',
      'options of a variant that has to give the same bits (another number of threads); may be repeated',
      (text: string, before: readonly unknown[]) => [...before, json(text)],
      [] as readonly unknown[],
    )
    .option('-s, --seed <number>', 'seed of the random cases', wholeNumber, 1)
    .option('-f, --filter <text>', 'only checks whose name or capability contains this')
    .option('-q, --quick', 'only the quick checks: each promise on fewer dtypes')
    .option('-j, --json <file>', 'where the report goes as JSON; default: softxent-conformance-NAME.json')
    .option('-l, --list', 'list the checks without running them')
    .addHelpText('after', '\nExit status: 0 all promises held; 1 a promise broke; 2 the suite could not run.')
    .exitOverride()
    .configureOutput({ writeOut: around.print, writeErr: around.print });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    // Help and version end the command as well, with status 0.
    return (error as { exitCode?: number }).exitCode === 0 ? 0 : 2;
  }
  try {
    return await run(command.args[0] as string, command.opts<Flags>(), around);
  } catch (error) {
    const isTyped = error instanceof Error && typeof (error as Partial<SoftxentError>).code === 'string';
    if (!isTyped) throw error;
    around.print(`${error.message}\n`);
    return 2;
  }
}

async function run(
  specifier: string,
  flags: Flags,
  { folder, print, progress }: Surroundings,
): Promise<number> {
  const { seed, filter, quick = false, export: name } = flags;
  const selection = { seed, quick, ...(filter === undefined ? {} : { filter }) };
  const held: Held =
    flags.loss === undefined ? wholeSuite() : heldLoss(await loadHeldLoss(flags.loss, { folder }));
  if (flags.list === true) {
    for (const check of selectChecks(selection, held.checks)) print(`${check.capability}: ${check.name}\n`);
    return 0;
  }
  const load = (argument: unknown) =>
    loadBackend(specifier, { folder, argument, ...(name === undefined ? {} : { name }) });
  const backend = await load(flags.options);
  const report = await runHeld(held, backend, {
    ...selection,
    variants: await Promise.all(flags.variant.map(load)),
    onResult: (result, done, total) => progress?.(`\r${progressLine(result, done, total)}`),
  });
  progress?.(`\r${' '.repeat(100)}\r`);
  const path = resolve(folder, flags.json ?? `softxent-conformance-${fileName(nameOf(held, backend))}.json`);
  await writeWhole(path, `${reportToJson(report)}\n`);
  print(`${formatReport(report)}\nreport    ${path}\n`);
  return report.ok ? 0 : 1;
}

const nameOf = ({ loss }: Held, { name }: Backend): string => (loss === undefined ? name : `${loss}-${name}`);

const fileName = (name: string): string => name.replaceAll(/[^\w.-]+/g, '-');
