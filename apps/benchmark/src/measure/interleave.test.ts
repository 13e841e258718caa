import { describe, expect, it } from 'vitest';
import { interleave, type Pace, type Timed } from './interleave.js';

/** A machine whose time passes only where something is computed. */
class Machine {
  now = 0;
  readonly log: string[] = [];

  timed(name: string, msPerCall: number | (() => number)): Timed {
    return {
      sample: (calls, warm) => {
        this.log.push(name);
        const each = typeof msPerCall === 'number' ? msPerCall : msPerCall();
        this.now += each * (calls + (warm ? 1 : 0));
        return Promise.resolve(each * calls);
      },
    };
  }

  pace(more: Partial<Pace> = {}): Pace {
    return {
      rounds: 10,
      leastRounds: 3,
      seconds: 10,
      sampleMs: 3,
      warmMs: 40,
      pause: () => Promise.resolve(),
      ...more,
    };
  }
}

describe('interleave', () => {
  it('takes as many samples of each, in turn, beginning with another one every time', async () => {
    const machine = new Machine();
    const timed = ['a', 'b', 'c'].map((name) => machine.timed(name, 50));
    const outcomes = await interleave(timed, machine.pace({ rounds: 3 }));
    // One call each is warm enough.
    expect(machine.log.slice(3).join('')).toBe('abcbcacab');
    expect(outcomes).toEqual([1, 2, 3].map(() => ({ samples: [50, 50, 50] })));
  });

  it('repeats short calls, and tells the time of one', async () => {
    const machine = new Machine();
    const calls: number[] = [];
    const half = machine.timed('a', 0.5);
    const timed: Timed = { sample: (n, warm) => (calls.push(n), half.sample(n, warm)) };
    const outcomes = await interleave([timed], machine.pace({ rounds: 2 }));
    expect(calls.slice(-2)).toEqual([6, 6]);
    expect(outcomes).toEqual([{ samples: [0.5, 0.5] }]);
  });

  it('a slow one takes part in fewer rounds, but in the least', async () => {
    const machine = new Machine();
    const outcomes = await interleave(
      [machine.timed('slow', 2000), machine.timed('fast', 1)],
      machine.pace({ rounds: 20, seconds: 8 }),
    );
    const [slow, fast] = outcomes.map((outcome) => ('samples' in outcome ? outcome.samples.length : NaN));
    expect(slow).toBe(3);
    expect(fast).toBe(20);
  });

  it('stops when the share is spent, not before the least number of rounds', async () => {
    const machine = new Machine();
    const outcomes = await interleave([machine.timed('a', 3000)], machine.pace({ seconds: 1 }));
    expect(outcomes).toEqual([{ samples: [3000, 3000, 3000] }]);
  });

  it('one that fails is out, the others go on', async () => {
    const machine = new Machine();
    let left = 3;
    const failing = machine.timed('failing', () => {
      if (left-- === 0) throw new Error('out of memory');
      return 50;
    });
    const outcomes = await interleave([failing, machine.timed('b', 50)], machine.pace({ rounds: 4 }));
    expect(outcomes[0]).toMatchObject({ error: { message: 'out of memory' } });
    expect(outcomes[1]).toEqual({ samples: [50, 50, 50, 50] });
  });

  it('ends where the caller throws', async () => {
    const machine = new Machine();
    const onRound = (): void => {
      throw new Error('stopped');
    };
    await expect(interleave([machine.timed('a', 5)], machine.pace({ onRound }))).rejects.toThrow('stopped');
  });

  it('does not wait for a clock that stands still', async () => {
    const machine = new Machine();
    const outcomes = await interleave([machine.timed('a', 0)], machine.pace({ rounds: 1 }));
    expect(outcomes).toEqual([{ samples: [0] }]);
  });
});
