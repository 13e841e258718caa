import { resolve } from 'node:path';
import { copyWeights, DataNet, netState, readNetFile, readWeights, testNet } from '@softxent/caffe';
import type { OutputValue, TestMeans, TestResult } from '@softxent/caffe';
import type { Command } from 'commander';
import { engineOptions } from '../engine-options.js';
import { folderFeed } from '../feed.js';
import type { DataFlags, EngineFlags, StateFlags } from '../flags.js';
import { names, wholeNumber, withData, withEngine, withState } from '../flags.js';
import { constantText, floorText } from '../lines.js';
import type { Surroundings } from '../surroundings.js';
import { short, UsageError } from '../surroundings.js';

interface TestFlags extends EngineFlags, StateFlags, DataFlags {
  readonly model?: string;
  readonly weights?: string[];
  readonly iterations: number;
}

/** Adds the verb `test`. */
export function addTest(program: Command, around: Surroundings): void {
  const command = program
    .command('test')
    .description("score a net's weights on its test data")
    .option('--model <file>', "the net's prototxt")
    .option('--weights <files>', 'its weights, with commas between them', names)
    .option('--iterations <n>', 'batches', wholeNumber(1), 50);
  withData(withEngine(withState(command)), { test: false }).action((flags: TestFlags) => test(flags, around));
}

const weighted = ({ value, weight }: OutputValue): string =>
  weight === 0 ? '' : ` (* ${short(weight)} = ${short(weight * value)} loss)`;

async function test(flags: TestFlags, { folder, stdout }: Surroundings): Promise<void> {
  if (flags.model === undefined) throw new UsageError('test needs a net to score: -model FILE');
  if (flags.weights === undefined) throw new UsageError('test needs the weights to score: -weights FILE');
  const print = (text = ''): unknown => stdout.write(`${text}\n`);
  const param = await readNetFile(resolve(folder, flags.model));
  const { level = 0, stage: stages = [], iterations } = flags;
  const feed = folderFeed({ ...flags, ...(flags.data !== undefined && { testData: flags.data }) }, print);
  await using engine = await engineOptions(flags, folder);
  await using net = await DataNet.open({
    param,
    state: netState(param, { phase: 'TEST', level, stages }),
    folder,
    engine: engine.options,
    warn: (text) => print(`warning: ${text}`),
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(feed && { feed }),
  });
  for (const file of flags.weights) {
    const { warnings, untouched } = copyWeights(
      net.net,
      net.engine.params,
      await readWeights(resolve(folder, file)),
    );
    for (const warning of warnings) print(`warning: ${warning}`);
    if (untouched.length > 0) print(`warning: ${file}: holds no weights for ${untouched.join(', ')}`);
  }
  if (net.targets.unknown !== undefined) print(`note: no floor of the loss is told: ${net.targets.unknown}`);
  print(`Running for ${iterations} iterations.`);
  const run = testNet(net, iterations);
  let result: IteratorResult<TestResult & { readonly batch: number }, TestMeans>;
  while (!(result = await run.next()).done) {
    const { batch, outputs } = result.value;
    for (const { blob, value } of outputs) print(`Batch ${batch}, ${blob} = ${short(value)}`);
  }
  const { loss, floor, constant, outputs } = result.value;
  print(`Loss: ${short(loss)}${floorText(loss, floor)}${constantText(constant)}`);
  for (const output of outputs) print(`${output.blob} = ${short(output.value)}${weighted(output)}`);
}
