import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';

/**
 * Caffe's flags in the form that the parser knows: `-solver x`, `--solver=x` and `-sigint_effect x` become `--solver x`, `--solver=x` and
 * `--sigint-effect x`. Everything after `--` stays.
 */
export function normaliseFlags(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  const flags = end < 0 ? args : args.slice(0, end);
  return [
    ...flags.map((arg) => {
      const found = /^--?([a-zA-Z][a-zA-Z0-9_-]+)(=[^]*)?$/.exec(arg);
      return found ? `--${found[1]!.replaceAll('_', '-')}${found[2] ?? ''}` : arg;
    }),
    ...(end < 0 ? [] : args.slice(end)),
  ];
}

/** A parser of whole numbers in a range. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}

/** A parser of lists of names. */
export const names = (text: string): string[] => {
  const list = text.split(',').map((name) => name.trim());
  if (list.includes('')) throw new InvalidArgumentError('Expected names, with commas between them.');
  return list;
};

/** A parser of lists of numbers. */
export const numbers = (text: string): number[] => {
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (list.every((value) => Number.isFinite(value))) return list;
  throw new InvalidArgumentError('Expected numbers, with commas between them.');
};

/** A parser of the size of a crop: `128`, or `96x128` for height and width. */
export const cropSize = (text: string): { height: number; width: number } => {
  const found = /^([1-9]\d*)(?:x([1-9]\d*))?$/.exec(text);
  if (!found) throw new InvalidArgumentError('Expected a size like 128, or 96x128 (height x width).');
  return { height: Number(found[1]), width: Number(found[2] ?? found[1]) };
};

const oneDevice = (text: string): number => {
  if (/^\d+$/.test(text) && Number(text) < 256) return Number(text);
  throw new InvalidArgumentError(
    text === 'all' || text.includes(',')
      ? 'Expected the number of one device: several are not used at once.'
      : 'Expected the number of a device, from 0 to 255.',
  );
};

/** The flags that say where and how nets run. */
export interface EngineFlags {
  readonly provider?: 'cpu' | 'cuda' | 'webgpu';
  readonly gpu?: number;
  readonly threads?: number;
  readonly spinning?: boolean;
  readonly caffeIgnoreQuirk?: boolean;
  readonly lossBackend?: string;
  readonly seed?: number;
}

/** The flags that say for which state a net is built. */
export interface StateFlags {
  readonly level?: number;
  readonly stage?: string[];
}

/** The flags that feed a folder of images and soft labels. */
export interface DataFlags {
  readonly data?: string;
  readonly testData?: string;
  readonly batch?: number;
  readonly crop?: { readonly height: number; readonly width: number };
  readonly mean?: number[];
  readonly scale?: number;
  readonly mirror: boolean;
}

/** Adds {@link EngineFlags}. */
export function withEngine(command: Command): Command {
  return command
    .addOption(
      new Option('--provider <name>', 'where to compute; there is no fallback').choices([
        'cpu',
        'cuda',
        'webgpu',
      ]),
    )
    .option('--gpu <id>', 'compute on the CUDA device of this number (one device, not a list)', oneDevice)
    .option('--threads <n>', 'threads to compute with on the CPU (default: every core)', wholeNumber(1, 1024))
    .option('--no-spinning', 'let idle threads sleep instead of wait: slower alone, faster beside other work')
    .option(
      '--seed <n>',
      "seed of fillers, data and Dropout (default: the solver's random_seed, else 0)",
      wholeNumber(0, 2 ** 32 - 1),
    )
    .option(
      '--loss-backend <name>',
      'compute cross-entropies on cpu, wasm, webgpu, onnx, or a module that exports a backend',
    )
    .option(
      '--caffe-ignore-quirk',
      'cut sigmoid targets to whole numbers before comparing with ignore_label, as Caffe does',
    );
}

/** Adds {@link StateFlags}. */
export function withState(command: Command): Command {
  return command
    .option('--level <n>', "the net's level, for include and exclude rules", (text) => {
      if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
      return Number(text);
    })
    .option('--stage <names>', "the net's stages, for include and exclude rules", names);
}

/** Adds {@link DataFlags}. */
export function withData(command: Command, { test }: { readonly test: boolean }): Command {
  command.option(
    '--data <folder>',
    "feed the net's images and labels from FOLDER/images and FOLDER/soft (or FOLDER/train/..., FOLDER/test/...)",
  );
  if (test) command.option('--test-data <folder>', 'the same for test nets');
  return command
    .option('--batch <n>', "pairs in a batch (default: the input layer's first dimension)", wholeNumber(1))
    .option('--crop <size>', "crops of this size (default: the input layer's last two dimensions)", cropSize)
    .option(
      '--mean <values>',
      "subtract this from pixels of 0 to 255: one value, or blue,green,red (default: the layer's transform_param)",
      numbers,
    )
    .option('--scale <factor>', "then multiply by this (default: the layer's transform_param)", (text) => {
      const value = Number(text);
      if (text.trim() !== '' && Number.isFinite(value) && value !== 0) return value;
      throw new InvalidArgumentError('Expected a number other than 0.');
    })
    .option('--no-mirror', 'do not flip images at random');
}
