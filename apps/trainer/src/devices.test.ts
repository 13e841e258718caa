import { existsSync, readFileSync } from 'node:fs';
import { probeProvider } from '@softxent/backend-onnx/runtime';
import { describe, expect, test } from 'vitest';
import { reasonNot, run, Scratch } from './testing.js';

const noWebgpu = await reasonNot(() => probeProvider({ provider: 'webgpu' }));
const noCuda = await reasonNot(() => probeProvider({ provider: 'cuda' }));

const losses = (scratch: Scratch, log: string): number[] =>
  readFileSync(scratch.path(log), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; loss: number })
    .filter(({ type }) => type === 'iteration')
    .map(({ loss }) => loss);

const train = ['train', '-solver', 'again.solver', '--log'];

describe.for([
  ['webgpu', noWebgpu],
  ['cuda', noCuda],
] as const)('--provider %s%s', ([provider, reason]) => {
  test.skipIf(reason !== '')('trains as the CPU does', async () => {
    using scratch = new Scratch('cli');
    await run(scratch.folder, [...train, 'cpu.jsonl']);
    const { status, stdout } = await run(scratch.folder, [...train, 'device.jsonl', '--provider', provider]);
    expect(status).toBe(0);
    expect(stdout).toContain(`on ONNX Runtime, ${provider}\n`);
    const [ours, theirs] = [losses(scratch, 'cpu.jsonl'), losses(scratch, 'device.jsonl')];
    // Convolutions add in another order there, and divisions may be 2.5 ulp off. Measured on SwiftShader: 1.3e-7.
    const worst = Math.max(...ours.map((loss, i) => Math.abs(theirs[i]! / loss - 1)));
    expect(worst).toBeLessThan(1e-5);
  });

  test.skipIf(reason === '')(
    `where there is none it is an error before training, and nothing runs on the CPU instead${reason === '' ? ' (skipped: there is one)' : ''}`,
    async () => {
      using scratch = new Scratch('cli');
      for (const verb of [train.slice(0, 3), ['time', '-model', 'net.prototxt']]) {
        const { status, stderr, stdout } = await run(scratch.folder, [...verb, '--provider', provider]);
        expect(status).toBe(1);
        expect(stderr).toMatch(new RegExp(`^error: backend onnx-${provider} is not available: `));
        expect(stdout).not.toMatch(/loss =|Average/);
      }
      expect(existsSync(scratch.path('run_iter_5.caffemodel'))).toBe(false);
    },
  );
});
