import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { f32, openSync, OptionError, sigmoidCrossEntropy, softmaxCrossEntropy, tensor } from '@softxent/core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpu, type CpuOptions } from './index.js';

/** A deterministic stream of numbers in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('float32 results', () => {
  const next = uniform(3);
  const n = 50_000;
  const logits = Float32Array.from({ length: n }, () => (next() < 0.5 ? -1 : 1) * 10 ** (next() * 7 - 3));
  // A quarter of the targets nearly agree with a confident logit: where the usual formula has no digit left.
  const targets = Float32Array.from(logits, (x) => {
    if (next() > 0.25) return next();
    const slight = 10 ** (-7 * next());
    return x > 0 ? 1 - slight : slight;
  });

  it.each(['generated', 'closures'] as const)(
    'are within 1 ulp of the formula in float64, gradients within 1 ulp of max(m, e s): %s',
    (evaluation) => {
      const session = openSync(cpu({ evaluation }));
      const operands = { logits: tensor(logits), targets: tensor(targets) };
      const result = session.valueAndGrad(sigmoidCrossEntropy({ reduction: 'none' }), operands);
      let [worst, worstGradient] = [0, 0];
      for (let i = 0; i < n; i++) {
        const [x, t] = [logits[i] as number, targets[i] as number];
        const e = Math.exp(-Math.abs(x));
        const q = e / (1 + e);
        const m = x >= 0 ? 1 - t : t;
        const loss = Math.fround(Math.abs(x) * m + Math.log1p(e));
        const gradient = x >= 0 ? m - q : q - m;
        worst = Math.max(worst, Math.abs((result.value.data[i] as number) - loss) / ulp(loss));
        const found = result.gradients.logits.data[i] as number;
        worstGradient = Math.max(
          worstGradient,
          Math.abs(found - Math.fround(gradient)) / ulp(Math.max(m, q)),
        );
      }
      expect(worst).toBeLessThanOrEqual(1);
      expect(worstGradient).toBeLessThanOrEqual(1);
    },
  );
});

/** A unit in the last place of a float32 of this magnitude. */
function ulp(value: number): number {
  return Math.max(2 ** (Math.floor(Math.log2(Math.abs(value))) - 23), 2 ** -149);
}

it('sums 16 million elements to 1e-12', () => {
  const n = 1 << 24;
  const next = uniform(5);
  const [logits, targets] = [new Float32Array(n), new Uint8Array(n)];
  let [sum, compensation] = [0, 0];
  for (let i = 0; i < n; i++) {
    const x = Math.fround((next() - 0.5) * 40);
    const level = Math.floor(next() * 256);
    logits[i] = x;
    targets[i] = level;
    const m = (x >= 0 ? 255 - level : level) / 255;
    const term = Math.abs(x) * m + Math.log1p(Math.exp(-Math.abs(x)));
    const total = sum + term;
    compensation += sum - total + term;
    sum = total;
  }
  const session = openSync(cpu());
  const loss = sigmoidCrossEntropy({ reduction: 'sum' });
  const value = session.value(loss, { logits: tensor(logits), targets: tensor(targets) });
  expect(Math.abs(value / (sum + compensation) - 1)).toBeLessThan(1e-12);
});

it('loses nothing of a sum in one long row', () => {
  const n = 1 << 20;
  const targets = new Float64Array(n).fill(1 / n);
  const logits = new Float64Array(n);
  const value = openSync(cpu()).value(softmaxCrossEntropy(), {
    logits: tensor(logits),
    targets: tensor(targets),
  });
  expect(Math.abs(value / Math.log(n) - 1)).toBeLessThan(1e-14);
});

interface Report {
  readonly description: string;
  readonly gradient: readonly number[];
}

describe('where code from strings is forbidden', () => {
  // Bundled, because a plain Node process does not read TypeScript.
  const folder = mkdtempSync(join(tmpdir(), 'softxent-cpu-'));
  beforeAll(async () => {
    await build({
      configFile: false,
      logLevel: 'error',
      resolve: { conditions: ['@softxent/source'] },
      build: {
        ssr: fileURLToPath(new URL('./forbidden.fixture.ts', import.meta.url)),
        outDir: folder,
        minify: false,
      },
      ssr: { noExternal: true, resolve: { conditions: ['@softxent/source'] } },
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (evaluation: NonNullable<CpuOptions['evaluation']>, ...flags: string[]): unknown => {
    const script = join(folder, 'forbidden.fixture.js');
    return JSON.parse(execFileSync(process.execPath, [...flags, script, evaluation], { encoding: 'utf8' }));
  };

  it('closures take over, say so, and give the same numbers', () => {
    const forbidden = run('auto', '--disallow-code-generation-from-strings') as Report;
    const allowed = run('auto') as Report;
    expect(forbidden.description).toBe('cpu (closures)');
    expect(allowed.description).toBe('cpu (generated code)');
    // Gradients of a mean over three: an ulp of max(m, e s) <= 1 is at most 2^-24 / 3.
    forbidden.gradient.forEach((value, i) => {
      expect(Math.abs(value - (allowed.gradient[i] as number))).toBeLessThan(2 ** -24 / 3);
    });
  });

  it('asking for generated code is refused with the reason', () => {
    expect(run('generated', '--disallow-code-generation-from-strings')).toEqual({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringContaining('Content-Security-Policy') as string,
    });
  });
});

describe('cpu()', () => {
  it('refuses an unknown way of evaluation', () => {
    expect(() => cpu({ evaluation: 'fast' as 'auto' })).toThrow(OptionError);
  });

  it('gives promises of what it gives at once', async () => {
    expect((await cpu().open()).description).toBe(cpu().openSync().description);
  });

  it('computes in the memory that it is given', () => {
    const session = openSync(cpu());
    const step = session.compile(sigmoidCrossEntropy(), { logits: f32([2]), targets: f32([2]) });
    const onDevice = session.allocate(f32([2]));
    (onDevice.view() as Float32Array).set([1, -1]);
    const gradient = tensor(new Float32Array(2));
    step.run(
      { logits: onDevice, targets: tensor(Float32Array.of(1, 0)) },
      { into: { gradients: { logits: gradient } } },
    );
    expect(gradient.data[0]).toBeCloseTo(-0.5 / (1 + Math.E), 6);
  });
});
