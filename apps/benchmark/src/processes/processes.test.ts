import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { stationOf, type Station } from '../measure/participant.js';
import { contestantOf } from '../node/catalog.js';
import { inOwnProcess } from './participant.js';
import { Caller, serve, type Port } from './protocol.js';

const cpuSpec = { role: 'backend', name: 'cpu', threads: 1 } as const;
const workload = {
  loss: '{"kind":"sigmoidCrossEntropy"}',
  layout: 'flat',
  elements: 1000,
  classes: 1,
} as const;

/** Two ends that pass on copies of what is said, as processes do. */
function ports(): readonly [Port, Port] {
  const heard: ((message: unknown) => void)[][] = [[], []];
  const port = (mine: number): Port => ({
    send: (message) => {
      const copy: unknown = structuredClone(message);
      queueMicrotask(() => heard[1 - mine]?.forEach((each) => each(copy)));
    },
    onMessage: (each) => void heard[mine]?.push(each),
  });
  return [port(0), port(1)];
}

const noClose = () => Promise.resolve();

async function connected(): Promise<{ caller: Caller; station: Station }> {
  const [here, there] = ports();
  let now = 0;
  serve(there, async (spec) => {
    const opened = await contestantOf(spec as typeof cpuSpec).open();
    return stationOf(
      opened,
      () => (now += 5),
      () => 4096,
    );
  });
  const caller = new Caller(here);
  return { caller, station: await caller.station(cpuSpec, noClose) };
}

describe('a contestant at the other end of a connection', () => {
  it('computes there, and times there', async () => {
    const { station } = await connected();
    expect(station.description).toContain('cpu');
    await station.prepare(workload, 1);
    const { ms, value } = await station.sample(3, true);
    expect(ms).toBe(5);
    expect(value).toBeGreaterThan(0);
    const { gradient } = await station.evaluate(workload, 1);
    expect(gradient).toHaveLength(1000);
    expect(await station.peakMemory()).toBe(4096);
    await station.close();
  });

  it('what it throws is thrown here', async () => {
    const { station } = await connected();
    await expect(station.sample(1, false)).rejects.toThrow('nothing is prepared');
    await expect(station.prepare({ ...workload, layout: 'nchw' }, 1)).rejects.toThrow('expected flat');
  });

  it('when it is gone, what waits and what comes after fails with the reason', async () => {
    const [here] = ports();
    const caller = new Caller(here);
    const waiting = caller.call('sample', 1, false);
    caller.gone('its process was killed');
    await expect(waiting).rejects.toThrow('its process was killed');
    await expect(caller.call('peakMemory')).rejects.toThrow('its process was killed');
  });
});

const built = new URL('../../dist/processes/child.js', import.meta.url);
// vitest's own flags of Node would have it look for sources.
const options = { program: built, execArgv: [] };
const isBuilt = existsSync(fileURLToPath(built));

// Node runs what is built, which `npm test` does first.
describe.skipIf(!isBuilt)('a contestant in a process of its own (skipped where the app is not built)', () => {
  it('tells its memory, and is gone when it is closed', async () => {
    const station = await inOwnProcess(cpuSpec, options).open();
    await station.prepare({ ...workload, elements: 2 ** 20 }, 1);
    await station.sample(1, false);
    // Logits, targets and gradient.
    expect(await station.peakMemory()).toBeGreaterThan(11e6);
    await station.close();
    await expect(station.sample(1, false)).rejects.toThrow('it was closed');
  });

  it('that cannot start says why', async () => {
    const spec = { ...cpuSpec, name: 'mine', plugin: { module: './no-such.js', folder: '/' } };
    await expect(inOwnProcess(spec, options).open()).rejects.toThrow('cannot load ./no-such.js');
  });

  it('that crashes says how', async () => {
    const program = new URL('no-such-program.js', built);
    await expect(inOwnProcess(cpuSpec, { ...options, program }).open()).rejects.toThrow(
      /its process ended with status 1: .*Cannot find module/,
    );
  });
});
