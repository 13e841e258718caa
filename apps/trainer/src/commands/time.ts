import { resolve } from 'node:path';
import type { BatchSource, LayerTime, NetProfile, OpenFeed, Shape } from '@softxent/caffe';
import {
  copyWeights,
  countOf,
  DataNet,
  netState,
  ProfileError,
  Random,
  readNetFile,
  readWeights,
} from '@softxent/caffe';
import type { Command } from 'commander';
import { Option } from 'commander';
import { engineOptions } from '../engine-options.js';
import { folderFeed } from '../feed.js';
import type { DataFlags, EngineFlags, StateFlags } from '../flags.js';
import { names, wholeNumber, withData, withEngine, withState } from '../flags.js';
import type { Surroundings } from '../surroundings.js';
import { UsageError } from '../surroundings.js';

interface TimeFlags extends EngineFlags, StateFlags, DataFlags {
  readonly model?: string;
  readonly weights?: string[];
  readonly iterations: number;
  readonly phase: 'TRAIN' | 'TEST';
  readonly layers: boolean;
  readonly json?: boolean;
}

/** Passes that are not counted: the first ones load graphs and touch memory for the first time. */
const WARM_UP = 2;

/** At most so many passes are profiled: a profile has one entry for every node of every pass. */
const PROFILED = 50;

const measured = `
What is measured:
  data              reading and preparing a batch (training reads ahead, beside the passes)
  Forward pass, Forward-Backward
                    the whole call, from numbers to numbers: the graph, taking parameters in, bringing
                    the loss and the gradients out; not the solver's update
  Backward pass     the difference of the two
  layers            in passes of their own, forward and backward, under ONNX Runtime's profiler: the time
                    inside the nodes that the layer became. Where the runtime fuses layers (ReLU into the
                    convolution before it) the first has the time of both and the other 0. On the CPU only:
                    of a device the runtime knows when a node was started, not how long it took
  other             the rest of such a pass: between nodes, numbers in and out, Dropout's random numbers
Blobs without data (Input, MemoryData) hold random numbers in [0, 1); --data feeds images.`;

/** Adds the verb `time`. */
export function addTime(program: Command, around: Surroundings): void {
  const command = program
    .command('time')
    .description('measure the passes of a net, forward and backward, and what each layer takes of them')
    .option('--model <file>', "the net's prototxt")
    .option('--weights <files>', 'weights; default: what the fillers give', names)
    .option('--iterations <n>', 'passes to measure', wholeNumber(1), 50)
    .addOption(
      new Option('--phase <name>', 'the phase that the net is built for')
        .choices(['TRAIN', 'TEST'])
        .default('TRAIN'),
    )
    .option('--no-layers', 'leave the layers out')
    .option('--json', 'print one JSON object, times in milliseconds, and nothing else')
    .addHelpText('after', measured);
  withData(withEngine(withState(command)), { test: false }).action((flags: TimeFlags) => time(flags, around));
}

/** Numbers for a net without data of its own: evenly in [0, 1), which is right for images and soft labels alike. */
function randomSource(tops: readonly string[], shapes: readonly Shape[]): BatchSource {
  const random = new Random(0, 5);
  const batch = new Map(
    tops.map((top, i) => {
      const shape = shapes[i]!;
      return [top, { shape, data: Float32Array.from({ length: countOf(shape) }, () => random.uniform()) }];
    }),
  );
  return {
    tops: new Map(tops.map((top, i) => [top, shapes[i]!])),
    length: undefined,
    next: () => Promise.resolve(batch),
    skip: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** Milliseconds of something that was done several times. */
interface Times {
  readonly mean: number;
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
}

function summary(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  return {
    mean: times.reduce((sum, value) => sum + value, 0) / times.length,
    median: sorted[Math.floor(sorted.length / 2)]!,
    least: sorted[0]!,
    greatest: sorted.at(-1)!,
  };
}

async function measure(iterations: number, pass: () => Promise<unknown>): Promise<Times> {
  const times: number[] = [];
  for (let i = -WARM_UP; i < iterations; i++) {
    const start = performance.now();
    await pass();
    if (i >= 0) times.push(performance.now() - start);
  }
  return summary(times);
}

/** What was measured of a net. */
interface Timing {
  readonly net: string;
  readonly phase: string;
  readonly on: string;
  readonly iterations: number;
  readonly warmUp: number;
  readonly data: Times;
  readonly forward: Times;
  readonly forwardBackward: Times;
  /** What the layers take, or why that cannot be told; null where it was not asked for. */
  readonly profile: NetProfile | { readonly refused: string } | null;
}

async function profileOf(net: DataNet, feeds: Awaited<ReturnType<DataNet['next']>>, passes: number) {
  try {
    return await net.engine.profile(feeds, { passes, warmUp: WARM_UP });
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    return { refused: error.message };
  }
}

const ms = (value: number): string => `${value.toFixed(3)} ms.`;

const line = (name: string, { mean, median, least, greatest }: Times): string =>
  `Average ${name}: ${mean.toFixed(2)} ms. (median ${median.toFixed(2)}, least ${least.toFixed(2)}, greatest ${greatest.toFixed(2)})`;

function profileLines({ layers, other, total, passes }: NetProfile): string[] {
  const width = Math.max(...layers.map(({ name }) => name.length), 5);
  const rows = layers.flatMap(({ name, forward, backward }: LayerTime) => [
    `${name.padStart(width)}\tforward: ${ms(forward)}`,
    `${name.padStart(width)}\tbackward: ${ms(backward)}`,
  ]);
  return [
    'Average time per layer:',
    ...rows,
    `${'other'.padStart(width)}\t${ms(other)}`,
    `(of ${total.toFixed(2)} ms a pass under the profiler, ${passes} passes; time --help says what is measured)`,
  ];
}

function lines({ profile, data, forward, forwardBackward }: Timing): string[] {
  const layers =
    profile === null ? [] : 'refused' in profile ? [`note: ${profile.refused}`] : profileLines(profile);
  const backward = Math.max(0, forwardBackward.mean - forward.mean);
  return [
    ...layers,
    line('data', data),
    line('Forward pass', forward),
    `Average Backward pass: ${backward.toFixed(2)} ms. (the difference)`,
    line('Forward-Backward', forwardBackward),
  ];
}

async function time(flags: TimeFlags, { folder, stdout }: Surroundings): Promise<void> {
  if (flags.model === undefined) throw new UsageError('time needs a net: -model FILE');
  const print = (text = ''): void => {
    if (!flags.json) stdout.write(`${text}\n`);
  };
  const param = await readNetFile(resolve(folder, flags.model));
  const { level = 0, stage: stages = [], iterations, phase, data } = flags;
  const fromFolder = folderFeed({ ...flags, ...(data !== undefined && { testData: data }) }, print, {
    solo: true,
  });
  const feed: OpenFeed = async (layer, shapes, options) => {
    const source = await fromFolder?.(layer, shapes, options);
    if (source) return source;
    return layer.type === 'Input' || layer.type === 'MemoryData'
      ? randomSource(layer.top, shapes)
      : undefined;
  };
  await using engine = await engineOptions(flags, folder);
  await using net = await DataNet.open({
    param,
    state: netState(param, { phase, level, stages }),
    folder,
    engine: engine.options,
    feed,
    ahead: 0,
    ...(flags.seed !== undefined && { seed: flags.seed }),
  });
  for (const file of flags.weights ?? []) {
    copyWeights(net.net, net.engine.params, await readWeights(resolve(folder, file)));
  }
  const name = net.net.name || flags.model;
  print(
    `Timing ${name} on ${engine.description}: ${iterations} passes of every kind, after ${WARM_UP} to warm up`,
  );
  const reading = await measure(iterations, () => net.next());
  const feeds = await net.next();
  const profile = flags.layers ? await profileOf(net, feeds, Math.min(iterations, PROFILED)) : null;
  const timing: Timing = {
    net: name,
    phase,
    on: engine.description,
    iterations,
    warmUp: WARM_UP,
    data: reading,
    forward: await measure(iterations, () => net.engine.forward(feeds)),
    forwardBackward: await measure(iterations, () => net.engine.forwardBackward(feeds)),
    profile,
  };
  if (flags.json) stdout.write(`${JSON.stringify(timing, null, 2)}\n`);
  else for (const text of lines(timing)) print(text);
}
