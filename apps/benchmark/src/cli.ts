/** The command softxent-bench. */
import { resolve } from 'node:path';
import { SoftxentError } from '@softxent/core';
import { CommanderError } from 'commander';
import { compare, comparisonText, parseReport } from './check.js';
import { commandOf, type Flags } from './cli/flags.js';
import { ProgressBar, type Output } from './cli/progress.js';
import { settingsOf, type CliSettings } from './cli/settings.js';
import { inProcess, type Participant } from './measure/participant.js';
import { runBenchmark } from './measure/run.js';
import { lossKinds } from './measure/losses.js';
import { reportVersion, type Report } from './model.js';
import { contestantNames, contestantOf, type ContestantSpec } from './node/catalog.js';
import { checkWritable, readText, writeWhole } from './node/files.js';
import { cores, describeMachine, loadPerCore } from './node/machine.js';
import { inOwnProcess } from './processes/participant.js';
import { reportHtml } from './report/html.js';
import { intoPage, reportMarkdown } from './report/markdown.js';
import { reportText } from './report/tables.js';

/** Where the command runs and what it prints to. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The folder that file names are relative to. */
  readonly folder: string;
  readonly now: () => Date;
  /** Ends the run. */
  readonly signal?: AbortSignal;
}

function listText(): string {
  const lines = (names: Readonly<Record<string, string>>): string =>
    Object.entries(names)
      .map(([name, about]) => `  ${name.padEnd(12)} ${about}`)
      .join('\n');
  return [
    `losses (sigmoid and softmax for short)\n${lossKinds.map((kind) => `  ${kind}`).join('\n')}`,
    `backends\n${lines(contestantNames('backend'))}`,
    `peers\n${lines(contestantNames('peer'))}`,
    '',
  ].join('\n');
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./#-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`;
}

async function measure(
  settings: CliSettings,
  flags: Flags,
  args: readonly string[],
  { stderr, now, signal }: Surroundings,
): Promise<Report> {
  const isolated = flags.inProcess !== true;
  const participantOf = (spec: ContestantSpec): Participant =>
    isolated ? inOwnProcess(spec) : inProcess(contestantOf(spec));
  const bar = new ProgressBar(stderr);
  try {
    const findings = await runBenchmark({
      workloads: settings.workloads,
      participants: settings.contestants.map(participantOf),
      limits: settings.limits.map(participantOf),
      seed: settings.seed,
      rounds: settings.rounds,
      secondsPerWorkload: settings.seconds,
      memoryBytes: settings.memoryBytes,
      opensAtOnce: isolated ? cores() : 1,
      loadBefore: loadPerCore(),
      onProgress: (progress) => bar.show(progress),
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      format: 'softxent-bench',
      version: reportVersion,
      machine: describeMachine(['softxent-bench', ...args.map(quoted)].join(' '), now(), findings.rows),
      settings: {
        seed: settings.seed,
        rounds: settings.rounds,
        secondsPerWorkload: settings.seconds,
        isolation: isolated ? 'processes' : 'none',
      },
      ...findings,
    };
  } finally {
    bar.stop();
  }
}

/** The report in one of its forms, for a file. */
type Form = (report: Report, path: string) => string | Promise<string>;

async function run(flags: Flags, args: readonly string[], around: Surroundings): Promise<number> {
  const { stdout, folder } = around;
  if (flags.list === true) {
    stdout.write(listText());
    return 0;
  }
  const settings = await settingsOf(flags, folder);
  // Before minutes are spent.
  const baselineFile = flags.check === undefined ? undefined : resolve(folder, flags.check);
  const baseline =
    baselineFile === undefined ? undefined : parseReport(baselineFile, await readText(baselineFile));

  const files: readonly (readonly [string | undefined, Form])[] = [
    [flags.json, (report) => `${JSON.stringify(report, undefined, 1)}\n`],
    [flags.html, reportHtml],
    [
      flags.markdown,
      async (report, path) => intoPage(await readText(path).catch(() => undefined), reportMarkdown(report)),
    ],
  ];
  const paths = files.flatMap(([name]) => (name === undefined ? [] : [resolve(folder, name)]));
  await Promise.all(paths.map(checkWritable));

  const report = await measure(settings, flags, args, around);
  stdout.write(`${reportText(report)}\n`);
  for (const [name, text] of files) {
    if (name === undefined) continue;
    const path = resolve(folder, name);
    // oxlint-disable-next-line no-await-in-loop
    await writeWhole(path, await text(report, path));
    stdout.write(`written   ${path}\n`);
  }
  const isEmpty = report.rows.every(({ status }) => status === 'not-run');
  if (isEmpty) stdout.write('nothing could be measured\n');
  if (baseline === undefined) return isEmpty ? 1 : 0;
  const comparison = compare(report, baseline);
  stdout.write(`${comparisonText(comparison)}\n`);
  return comparison.compared === 0 || comparison.regressions.length > 0 ? 1 : 0;
}

/**
 * Runs the command.
 *
 * @returns its exit status: 0 all went well, 1 a regression or nothing measured, 2 wrong flags or files, 130 stopped
 */
export async function main(args: readonly string[], around: Surroundings): Promise<number> {
  const command = commandOf().configureOutput({
    writeOut: (text) => void around.stdout.write(text),
    writeErr: (text) => void around.stderr.write(text),
  });
  try {
    command.parse([...args], { from: 'user' });
    return await run(command.opts<Flags>(), args, around);
  } catch (error) {
    // Commander has printed the message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (around.signal?.aborted === true) {
      around.stderr.write('stopped; nothing was written\n');
      return 130;
    }
    if (!(error instanceof SoftxentError)) throw error;
    around.stderr.write(`error: ${error.message}\n`);
    return 2;
  }
}
