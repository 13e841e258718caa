/** For tests: runs the command in a folder of its own. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Random } from '@softxent/caffe';
import { encode } from 'fast-png';
import { main } from './cli.js';
import type { Signals } from './surroundings.js';

/** A folder that goes when the test ends. */
export class Scratch implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'softxent-trainer-'));

  /** @param fixtures a folder of fixtures to copy in */
  constructor(fixtures?: string) {
    if (fixtures !== undefined) {
      const from = fileURLToPath(new URL(`../fixtures/${fixtures}/`, import.meta.url));
      cpSync(from, this.folder, { recursive: true });
    }
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a run of the command printed and how it ended. */
export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command. Nets run on one thread. */
export async function run(folder: string, args: readonly string[], signals?: Signals): Promise<Ran> {
  const printed = { stdout: '', stderr: '' };
  const threads = ['train', 'test', 'time'].includes(args[0] ?? '') ? ['--threads', '1'] : [];
  const status = await main([...args, ...threads], {
    stdout: { write: (text) => (printed.stdout += text) },
    stderr: { write: (text) => (printed.stderr += text) },
    folder,
    ...(signals && { signals }),
  });
  return { status, ...printed };
}

/** Why something does not work here, for names of tests that are skipped; empty where it does. */
export async function reasonNot(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return '';
  } catch (cause) {
    const why = process.env['SOFTXENT_NO_ADAPTER'] ?? (cause as Error).message.split('\n')[0];
    return ` (skipped: ${why})`;
  }
}

/** Writes pairs of small images and soft labels: a bright square on noise, its label soft at the border. */
export function writePairs(folder: string, count: number, size = 24, deep = false): void {
  const random = new Random(7);
  mkdirSync(join(folder, 'images'), { recursive: true });
  mkdirSync(join(folder, 'soft'), { recursive: true });
  for (let n = 0; n < count; n++) {
    const left = 2 + random.integer(size - 12);
    const top = 2 + random.integer(size - 12);
    const image = new Uint8Array(size * size * 3);
    const label = deep ? new Uint16Array(size * size) : new Uint8Array(size * size);
    for (let i = 0; i < size * size; i++) {
      const [x, y] = [(i % size) - left, Math.floor(i / size) - top];
      const inside = x >= 0 && x < 8 && y >= 0 && y < 8;
      const border = inside && (x === 0 || x === 7 || y === 0 || y === 7);
      for (let c = 0; c < 3; c++) image[3 * i + c] = (inside ? 150 : 40) + random.integer(60);
      label[i] = Math.round((deep ? 65535 : 255) * (border ? 0.6 : inside ? 1 : 0));
    }
    const name = `${String(n).padStart(3, '0')}.png`;
    writeFileSync(
      join(folder, 'images', name),
      encode({ width: size, height: size, channels: 3, depth: 8, data: image }),
    );
    writeFileSync(
      join(folder, 'soft', name),
      encode({ width: size, height: size, channels: 1, depth: deep ? 16 : 8, data: label }),
    );
  }
}

/** A small net on crops of 16 x 16 from a folder, with Dropout, and a solver for it. */
export function writeFolderRun(scratch: Scratch, solver = ''): void {
  writePairs(scratch.path('photos', 'train'), 7);
  writePairs(scratch.path('photos', 'test'), 3);
  writeFileSync(
    scratch.path('net.prototxt'),
    `name: "squares"
layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 3 dim: 16 dim: 16 } shape { dim: 4 dim: 1 dim: 16 dim: 16 } } transform_param { mean_value: 100 scale: 0.02 } }
layer { name: "c1" type: "Convolution" bottom: "data" top: "c1" convolution_param { num_output: 6 kernel_size: 3 pad: 1 weight_filler { type: "msra" } } }
layer { name: "r1" type: "ReLU" bottom: "c1" top: "c1" }
layer { name: "d1" type: "Dropout" bottom: "c1" top: "c1" dropout_param { dropout_ratio: 0.2 } }
layer { name: "c2" type: "Convolution" bottom: "c1" top: "c2" convolution_param { num_output: 1 kernel_size: 1 weight_filler { type: "msra" } } }
layer { name: "loss" type: "SigmoidCrossEntropyLoss" bottom: "c2" bottom: "label" top: "loss" loss_param { normalization: VALID } }
`,
  );
  const defaults: readonly [string, string][] = [
    ['net', '"net.prototxt"'],
    ['type', '"Adam"'],
    ['base_lr', '0.02'],
    ['lr_policy', '"fixed"'],
    ['momentum', '0.9'],
    ['max_iter', '12'],
    ['display', '4'],
    ['test_iter', '2'],
    ['test_interval', '5'],
    ['snapshot', '6'],
    ['snapshot_prefix', '"run"'],
    ['random_seed', '3'],
  ];
  const rest = defaults.filter(([name]) => !new RegExp(`\\b${name}:`).test(solver));
  writeFileSync(
    scratch.path('solver.prototxt'),
    `${rest.map(([name, value]) => `${name}: ${value}`).join('\n')}\n${solver}\n`,
  );
}
