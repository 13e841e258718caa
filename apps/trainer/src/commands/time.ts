import { resolve } from 'node:path';
import type { BatchSource, OpenFeed, Shape } from '@softxent/caffe';
import { copyWeights, countOf, DataNet, netState, Random, readNetFile, readWeights } from '@softxent/caffe';
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
}

/** Passes that are not counted: the first ones load graphs and touch memory for the first time. */
const WARM_UP = 2;

/** Adds the verb `time`. */
export function addTime(program: Command, around: Surroundings): void {
  const command = program
    .command('time')
    .description('measure the forward and the forward-backward pass of a net')
    .option('--model <file>', "the net's prototxt")
    .option('--weights <files>', 'weights; default: what the fillers give', names)
    .option('--iterations <n>', 'passes to measure', wholeNumber(1), 50)
    .addOption(
      new Option('--phase <name>', 'the phase that the net is built for')
        .choices(['TRAIN', 'TEST'])
        .default('TRAIN'),
    );
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

function summary(name: string, times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const mean = times.reduce((sum, value) => sum + value, 0) / times.length;
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return `Average ${name}: ${mean.toFixed(2)} ms. (median ${middle.toFixed(2)}, least ${sorted[0]!.toFixed(2)}, greatest ${sorted.at(-1)!.toFixed(2)})`;
}

async function measure(iterations: number, pass: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = -WARM_UP; i < iterations; i++) {
    const start = performance.now();
    await pass();
    if (i >= 0) times.push(performance.now() - start);
  }
  return times;
}

async function time(flags: TimeFlags, { folder, stdout }: Surroundings): Promise<void> {
  if (flags.model === undefined) throw new UsageError('time needs a net: -model FILE');
  const print = (text = ''): unknown => stdout.write(`${text}\n`);
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
  const feeds = await net.next();
  print(
    `Timing ${net.net.name || flags.model} on ${engine.description}: ${iterations} passes after ${WARM_UP} to warm up`,
  );
  print(summary('Forward pass', await measure(iterations, () => net.engine.forward(feeds))));
  print(summary('Forward-Backward', await measure(iterations, () => net.engine.forwardBackward(feeds))));
  print('Layers are not timed one by one: a net runs as one graph.');
}
