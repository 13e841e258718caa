import { CapabilityError, type Backend } from '@softxent/core';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceTests, formatReport, reportToJson, runConformance, selectChecks } from './index.js';
import { interpreter } from './testing/interpreter.js';

describe('the suite', () => {
  it('names every check once', () => {
    const names = selectChecks().map((check) => check.name);
    expect(names.length).toBeGreaterThan(250);
    expect(new Set(names).size).toBe(names.length);
  });

  it('selects by text, by pattern, and the quick ones', () => {
    const all = selectChecks();
    expect(selectChecks({ filter: 'DISPOSAL' }).map((check) => check.capability)).toContain('disposal');
    expect(selectChecks({ filter: /^dice:/ }).every((check) => check.name.startsWith('dice:'))).toBe(true);
    expect(selectChecks({ quick: true }).length).toBeLessThan(0.75 * all.length);
    const capabilities = new Set(selectChecks({ quick: true }).map((check) => check.capability));
    expect([...new Set(all.map((check) => check.capability))].filter((c) => !capabilities.has(c))).toEqual([
      'sums',
    ]);
  });

  it('gives the same report for the same seed, whichever other checks run', async () => {
    const one = await runConformance(interpreter(), {
      seed: 7,
      filter: 'softmaxCrossEntropy: float64 predictions, uint8',
    });
    const other = await runConformance(interpreter(), {
      seed: 7,
      filter: 'softmaxCrossEntropy: float64 predictions',
    });
    const third = await runConformance(interpreter(), {
      seed: 8,
      filter: 'softmaxCrossEntropy: float64 predictions, uint8',
    });
    const [first] = one.checks;
    expect(other.checks.find((check) => check.name === first?.name)).toEqual(first);
    expect(third.checks[0]).not.toEqual(first);
  });

  it('any other error breaks the promise', async () => {
    const failing = interpreter({
      run: () => {
        throw new TypeError('cannot read properties of undefined');
      },
    });
    const report = await runConformance(failing, { filter: 'dice: every layout' });
    expect(report.checks[0]).toMatchObject({ status: 'broken' });
    expect(report.checks[0]?.message).toMatch(/unexpected TypeError: cannot read properties/);
  });

  it('a refusal by the device is unsupported, and named', async () => {
    const refusing = interpreter({
      plan: (plan) => {
        if (plan.layout.extent > 1) throw new CapabilityError('interpreter', 'reductions', 'elements only');
        return plan;
      },
    });
    const report = await runConformance(refusing, { filter: 'every layout' });
    expect(report.checks.find((check) => check.name.startsWith('dice'))).toMatchObject({
      status: 'unsupported',
      message: 'backend interpreter lacks the capability reductions: elements only',
    });
    expect(formatReport(report)).toMatch(/^layouts +held in part +3 held, 6 unsupported/m);
  });

  it('writes infinite errors into JSON', async () => {
    const nan = interpreter({ operand: (name, value) => (name === 'logits' ? NaN : value) });
    const report = await runConformance(nan, { filter: 'dice: every layout' });
    expect(JSON.parse(reportToJson(report))).toMatchObject({ checks: [{ value: 'Infinity' }], ok: false });
  });
});

interface Declared {
  readonly name: string;
  readonly test: (context: unknown) => Promise<void>;
}

/** A test runner that only writes down what is declared. */
function collect(
  backend: Backend,
  filter: string,
): { suite: string; tests: Declared[]; end: () => Promise<void> } {
  let suite = '';
  let end = async (): Promise<void> => undefined;
  const tests: Declared[] = [];
  const runner = {
    describe: (name: string, declare: () => void) => {
      suite = name;
      declare();
    },
    it: (name: string, test: Declared['test']) => tests.push({ name, test }),
    afterAll: (dispose: () => Promise<void>) => {
      end = dispose;
    },
  };
  conformanceTests(backend, runner, { filter });
  return { suite, tests, end: () => end() };
}

describe('conformanceTests', () => {
  conformanceTests(interpreter(), { describe, it, afterAll }, { filter: 'dice: every' });

  it('fails a test where a promise breaks', async () => {
    const { suite, tests, end } = collect(
      interpreter({ operand: (name, value) => (name === 'mask' ? 1 : value) }),
      'dice: masked',
    );
    expect(suite).toBe('conformance of interpreter');
    expect(tests.map(({ name }) => name)).toEqual([
      'dice: masked elements change nothing and have gradient 0',
    ]);
    await expect(tests[0]?.test(undefined)).rejects.toThrow(/masked/);
    await end();
  });

  it('skips what is unsupported with the reason, and fails where the runner cannot skip', async () => {
    const poor = interpreter({ capabilities: { predictions: ['float64'] } });
    const { tests, end } = collect(poor, 'dice: every layout');
    const reasons: unknown[] = [];
    await tests[0]?.test({ skip: (reason: unknown) => reasons.push(reason) });
    expect(reasons).toEqual([expect.stringMatching(/lacks the capability float32 predictions/)]);
    await expect(tests[0]?.test({})).rejects.toThrow(/lacks the capability float32/);
    await end();
  });
});
