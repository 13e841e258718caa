/** What the flags ask for. */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { OptionError } from '@softxent/core';
import { UsageError } from '../errors.js';
import { lossKinds } from '../measure/losses.js';
import { layoutsFor, workloadOf, type WorkloadSpec } from '../measure/workload.js';
import type { Layout } from '../model.js';
import { contestantNames, specsOf, type ContestantSpec } from '../node/catalog.js';
import { availableMemory, cores } from '../node/machine.js';
import { loadLoss, type LossModule } from '../node/losses.js';
import type { Flags } from './flags.js';
import { countOf, countsOf, jsonOf, listOf, oneOf, positiveOf } from './lists.js';

/** Everything that a run needs. */
export interface CliSettings {
  readonly workloads: readonly WorkloadSpec[];
  readonly contestants: readonly ContestantSpec[];
  /** Who runs the kernels that only move memory. */
  readonly limits: readonly ContestantSpec[];
  readonly seconds: number;
  readonly rounds: number;
  readonly memoryBytes: number;
  readonly seed: number;
}

const shortNames: Readonly<Record<string, string>> = {
  sigmoid: 'sigmoidCrossEntropy',
  softmax: 'softmaxCrossEntropy',
};
const usualBackends = 'wasm,cpu,webgpu,onnx-cpu,tfjs-wasm';
const scalingSizes = '1e3,1e4,1e5,1e6,1e7,1e8';
const scalingClasses = '2,21,150,1000';
/** Where the number of classes is varied: one of the sizes. */
const classesAt = 1e6;

/** Losses as JSON. `own`: kinds that modules brought; with `--loss` they are run as it says, or not at all. */
function lossesOf({ loss, losses = '' }: Flags, own: readonly string[]): readonly string[] {
  if (loss.length > 0) return loss;
  const names = listOf(losses).filter((name) => !isModule(name));
  if (names.length === 0 && own.length > 0) return own.map((kind) => JSON.stringify({ kind }));
  if (names.length === 0) throw new UsageError('--losses: found nothing, expected a kind of loss');
  const kinds = names.includes('all')
    ? lossKinds
    : names.map((name) => oneOf('--losses', name, [...lossKinds, ...Object.keys(shortNames)]));
  const all = [...kinds.map((kind) => shortNames[kind] ?? kind), ...own];
  return [...new Set(all)].map((kind) => JSON.stringify({ kind }));
}

function layoutsOf({ layouts }: Flags): readonly Layout[] {
  const known: readonly Layout[] = ['channels-last', 'nchw'];
  if (layouts === undefined) return known;
  const asked = listOf(layouts).map((name) => oneOf('--layouts', name, known) as Layout);
  if (asked.length === 0) throw new UsageError('--layouts: found nothing, expected a layout');
  return asked;
}

interface Grid {
  /** Whether losses without classes are to be run on it. */
  readonly flat: boolean;
  readonly sizes: readonly number[];
  readonly classes: readonly number[];
}

/** With `--scaling` sizes and classes vary one at a time, else all are combined. */
function gridsOf({ sizes, classes, scaling = false, quick = false }: Flags): readonly Grid[] {
  const ofSizes = countsOf('--sizes', sizes ?? (scaling ? scalingSizes : quick ? '64Ki' : '1Mi,16Mi'));
  if (scaling && classes === undefined) {
    return [
      { flat: true, sizes: ofSizes, classes: [21] },
      { flat: false, sizes: [classesAt], classes: countsOf('--classes', scalingClasses) },
    ];
  }
  return [{ flat: true, sizes: ofSizes, classes: countsOf('--classes', classes ?? '21') }];
}

function workloadsOf(flags: Flags, own: readonly string[]): readonly WorkloadSpec[] {
  const wanted = layoutsOf(flags);
  const specs = new Map<string, WorkloadSpec>();
  for (const loss of lossesOf(flags, own)) {
    const known = understood(() => layoutsFor(loss));
    for (const { flat, sizes, classes } of gridsOf(flags)) {
      const layouts = known.includes('flat') ? (flat ? known : []) : wanted;
      for (const layout of layouts) {
        for (const elements of sizes) {
          for (const count of layout === 'flat' ? [1] : classes) {
            const spec = { loss, layout, elements, classes: count };
            const { key } = understood(() => workloadOf(spec));
            specs.set(JSON.stringify(key), spec);
          }
        }
      }
    }
  }
  return [...specs.values()];
}

/** What core says of a loss that is none is a mistake in a flag here. */
function understood<T>(of: () => T): T {
  try {
    return of();
  } catch (error) {
    if (error instanceof OptionError) throw new UsageError(`--loss: ${error.message}`);
    throw error;
  }
}

const isModule = (name: string): boolean =>
  /^(\.|@|module:)/.test(name) || name.includes('/') || isAbsolute(name);

function moduleOf(flag: string, name: string, folder: string): LossModule {
  const [module = '', exported] = name.replace(/^module:/, '').split('#');
  const isPath = module.startsWith('.') || isAbsolute(module);
  if (isPath && !existsSync(resolve(folder, module))) {
    throw new UsageError(`${flag}: there is no file ${resolve(folder, module)}`);
  }
  return { module, folder, ...(exported === undefined ? {} : { export: exported }) };
}

function pluginOf(name: string, folder: string, options: unknown): ContestantSpec {
  const plugin = { ...moduleOf('--backends', name, folder), ...(options === undefined ? {} : { options }) };
  return { role: 'backend', name, threads: 1, plugin };
}

function backendsOf(flags: Flags, threads: readonly number[], folder: string): readonly ContestantSpec[] {
  const known = Object.keys(contestantNames('backend'));
  const options =
    flags.pluginOptions === undefined ? undefined : jsonOf('--plugin-options', flags.pluginOptions);
  const asked = listOf(flags.backends ?? usualBackends);
  const names = asked.includes('all') ? [...new Set([...known, ...asked.filter(isModule)])] : asked;
  const plugins = names.filter(isModule);
  if (options !== undefined && plugins.length === 0) {
    throw new UsageError('--plugin-options: --backends names no plugin that it could be for');
  }
  return names.flatMap((name) => {
    if (isModule(name)) return [pluginOf(name, folder, options)];
    try {
      return specsOf('backend', oneOf('--backends', name, known), threads);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${error.message}; or a plugin: ./path.js, @scope/package, module:${name}`);
    }
  });
}

function peersOf({ peers = 'all' }: Flags, threads: readonly number[]): readonly ContestantSpec[] {
  const known = Object.keys(contestantNames('peer'));
  const asked = listOf(peers);
  if (asked.length === 1 && asked[0] === 'none') return [];
  const names = asked.includes('all')
    ? known
    : asked.map((name) => oneOf('--peers', name, [...known, 'none']));
  if (names.includes('none')) throw new UsageError('--peers: none goes with no other name');
  return names.flatMap((name) => specsOf('peer', name, threads));
}

function threadsOf({ threads }: Flags): readonly number[] {
  if (threads === undefined) return [...new Set([1, cores()])];
  const counts = countsOf('--threads', threads);
  const most = counts.at(-1)!;
  if (most > 256) throw new UsageError(`--threads: found ${most}, expected at most 256`);
  return counts;
}

/**
 * Understands the flags, and loads the losses that they name.
 *
 * @throws {UsageError} for whatever cannot be meant
 * @throws {BackendModuleError} for a module that holds no loss
 */
export async function settingsOf(flags: Flags, folder: string): Promise<CliSettings> {
  const { quick = false, scaling = false } = flags;
  if (quick && scaling) throw new UsageError('--quick and --scaling: expected one of them');
  const threads = threadsOf(flags);
  const modules = listOf(flags.losses ?? '')
    .filter(isModule)
    .map((name) => moduleOf('--losses', name, folder));
  const losses = modules.length === 0 ? {} : { losses: modules };
  const contestants = [...backendsOf(flags, threads, folder), ...peersOf(flags, threads)].map((spec) => ({
    ...spec,
    ...losses,
  }));
  if (contestants.length === 0) throw new UsageError('--backends and --peers: found nothing to measure');
  const own = await Promise.all(modules.map(loadLoss));
  const wantsGpu = contestants.some(({ name, role }) => role === 'backend' && name === 'webgpu');
  return {
    workloads: workloadsOf(flags, own),
    contestants,
    limits: [...specsOf('backend', 'wasm', threads), ...(wantsGpu ? specsOf('backend', 'webgpu', [1]) : [])],
    seconds: positiveOf('--seconds', flags.seconds ?? (quick ? '1' : '5')),
    rounds: countOf('--rounds', flags.rounds ?? (quick ? '7' : '15')),
    memoryBytes:
      flags.memory === undefined ? 0.7 * availableMemory() : 1e9 * positiveOf('--memory', flags.memory),
    seed: countOf('--seed', flags.seed ?? '1'),
  };
}
