/** What `scripts/gpu-report.mjs` prints: an adapter, how exact it is, how fast, and whether it keeps every promise. */
import { formatReport, reportToJson, runConformance, type ConformanceReport } from '@softxent/conformance';
import {
  accuracyOf,
  f16,
  f32,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  u8,
  type Loss,
  type OperandSpecs,
} from '@softxent/core';
import { describe, findAdapter, isSoftware } from '../adapter.js';
import { webgpu } from '../backend.js';
import { tuned } from './backends.js';
import { openEvaluator } from './evaluate.js';
import { functionCases, worstUlp } from './functions.js';
import { copyContestants, lossContestant, race, type Timing } from './speed.js';

/** What to do, and how long. */
export interface ReportOptions {
  /** Elements of the tensors that are timed; default 64 Mi on a GPU, 1 Mi in software. */
  readonly elements?: number;
  /** Seconds for each loss that is timed, beside a copy. */
  readonly seconds: number;
  /** Only the quick checks of the suite. */
  readonly quick: boolean;
  /** Only checks whose name matches. */
  readonly filter?: RegExp;
  readonly print: (line: string) => void;
  /** Shows progress in place. */
  readonly progress: (line: string) => void;
}

/** Prints the report; the suite's is returned for keeping. */
export async function report(options: ReportOptions): Promise<{ ok: boolean; json: string }> {
  await adapterPart(options);
  await functionsPart(options);
  await speedPart(options);
  const conformance = await conformancePart(options);
  return { ok: conformance.ok, json: reportToJson(conformance) };
}

const heading = (print: ReportOptions['print'], text: string): void => {
  print('');
  print(text);
  print('-'.repeat(text.length));
};

async function adapterPart({ print }: ReportOptions): Promise<void> {
  const adapter = await findAdapter({});
  const { info, features, limits } = adapter;
  const device = await webgpu({ adapter }).open();
  heading(print, 'Adapter');
  print(describe(info));
  print(`software          ${isSoftware(info) ? 'yes' : 'no'}`);
  const half = features.has('shader-f16')
    ? 'by integers: f16 converts otherwise than to nearest'
    : 'by integers: no shader-f16';
  print(`float16           ${(await device.isHalfNative()) ? 'f16' : half}`);
  print(`subgroups         ${subgroupsOf(adapter, await device.subgroupLanes())}`);
  print(`largest buffer    ${Math.floor(limits.maxBufferSize / 2 ** 20)} MiB`);
  print(`largest binding   ${Math.floor(limits.maxStorageBufferBindingSize / 2 ** 20)} MiB`);
  await device.dispose();
}

function subgroupsOf({ features, info }: GPUAdapter, lanes: number): string {
  if (!features.has('subgroups')) return 'none';
  const sizes = `of ${info.subgroupMinSize} to ${info.subgroupMaxSize}`;
  if (isSoftware(info)) return `${sizes}, not used in software`;
  return lanes === 0
    ? `${sizes}, not used: lanes are not in the order of threads`
    : `${sizes}, ${lanes} lanes used`;
}

async function functionsPart({ print }: ReportOptions): Promise<void> {
  heading(
    print,
    'Elementary functions: worst error in ulp (what holds where basic operations round correctly)',
  );
  const evaluator = await openEvaluator();
  for (const [name, given] of Object.entries(functionCases)) {
    const worst = await worstUlp(evaluator, given);
    print(`${name.padEnd(32)} ${worst.toFixed(3).padStart(9)} (${given.ulp})`);
  }
  evaluator.close();
}

interface Timed {
  readonly name: string;
  readonly loss: Loss;
  readonly specs: OperandSpecs;
}

function timedLosses(elements: number): Timed[] {
  const sigmoid = sigmoidCrossEntropy({ reduction: 'sum' });
  const flat = [elements];
  const losses: Timed[] = [
    { name: 'sigmoid, float32', loss: sigmoid, specs: { logits: f32(flat), targets: f32(flat) } },
    { name: 'sigmoid, uint8 targets', loss: sigmoid, specs: { logits: f32(flat), targets: u8(flat) } },
    { name: 'sigmoid, float16', loss: sigmoid, specs: { logits: f16(flat), targets: f16(flat) } },
  ];
  for (const classes of [2, 21, 150, 1000]) {
    const rows = Math.floor(elements / classes);
    const side = Math.floor(Math.sqrt(rows));
    const shapes: readonly [string, readonly number[], number][] = [
      ['NHWC', [rows, classes], 1],
      ['NCHW', [1, classes, side, side], 1],
    ];
    for (const [layout, shape, axis] of shapes) {
      losses.push({
        name: `softmax ${classes} ${layout}`,
        loss: softmaxCrossEntropy({ reduction: 'sum', axis }),
        specs: { logits: f32(shape), targets: f32(shape) },
      });
    }
  }
  return losses;
}

const row = ({ name, milliseconds, rate }: Timing, copy: number, more = ''): string =>
  `${name.padEnd(24)} ${milliseconds.toFixed(3).padStart(10)} ms ${rate.toFixed(2).padStart(9)} GB/s ` +
  `${((100 * rate) / copy).toFixed(1).padStart(6)} % of copy${more}`;

async function speedPart({ print, elements, seconds }: ReportOptions): Promise<void> {
  const adapter = await findAdapter({});
  const isSlow = isSoftware(adapter.info);
  const count = elements ?? (isSlow ? 2 ** 20 : 2 ** 26);
  // On a GPU, a wait for the host would count for as much as a run.
  const times = isSlow ? 1 : 10;
  heading(print, `Value and gradient of ${count} elements: bytes read and written once over the time`);
  const device = await webgpu({ adapter }).open();
  // The same with workgroup memory, where subgroups are used.
  const lanes = isSlow ? 0 : await device.subgroupLanes();
  const memory = lanes > 0 ? await tuned({ isSoftware: false }).open() : undefined;
  let best = 0;
  for (const { name, loss, specs } of timedLosses(count)) {
    const copies = await copyContestants(device, 12 * count);
    const contestants = [...copies, await lossContestant(device, name, loss, specs)];
    if (memory !== undefined) contestants.push(await lossContestant(memory, name, loss, specs));
    const timings = await race(contestants, { seconds, times });
    const [kernel, queue, own, other] = timings as [Timing, Timing, Timing, Timing | undefined];
    const copy = Math.max(kernel.rate, queue.rate);
    if (best === 0) for (const timing of [kernel, queue]) print(row(timing, copy));
    best = Math.max(best, copy);
    const ratio = own.milliseconds / (other?.milliseconds ?? NaN);
    print(row(own, copy, other === undefined ? '' : `; subgroups over memory ${ratio.toFixed(2)}`));
    for (const contestant of contestants) contestant.dispose();
  }
  await device.dispose();
  await memory?.dispose();
}

async function conformancePart({
  print,
  progress,
  quick,
  filter,
}: ReportOptions): Promise<ConformanceReport> {
  heading(print, 'Conformance');
  const result = await runConformance(webgpu(), {
    quick,
    ...(filter === undefined ? {} : { filter }),
    onResult: ({ name }, done, total) => progress(`${done}/${total} ${name}`),
  });
  progress('');
  print(formatReport(result));
  heading(print, 'Losses: worst error in ulp of the largest term (declared)');
  const kinds = [...new Set(result.checks.map(({ name }) => /^\w+(?=: )/.exec(name)?.[0]))];
  for (const kind of kinds) {
    if (kind === undefined) continue;
    const checks = result.checks.filter(({ name }) => name.startsWith(`${kind}: `));
    const worst = (of: 'value' | 'gradient'): string =>
      Math.max(0, ...checks.map((check) => check[of] ?? 0)).toFixed(2);
    const { value, gradient } = accuracyOf(result.accuracy, kind);
    print(
      `${kind.padEnd(26)} value ${worst('value').padStart(6)} (${value.float32}), ` +
        `gradient ${worst('gradient').padStart(6)} (${gradient.float32})`,
    );
  }
  return result;
}
