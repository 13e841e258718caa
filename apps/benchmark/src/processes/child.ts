/** What runs in a contestant's own process. */
import process from 'node:process';
import { stationOf } from '../measure/participant.js';
import { contestantOf, type ContestantSpec } from '../node/catalog.js';
import { watchMemory } from '../node/memory.js';
import { serve } from './protocol.js';

const clock = (): number => performance.now();

serve(
  {
    send: (message) => void process.send?.(message),
    onMessage: (heard) => void process.on('message', heard),
  },
  async (spec) => {
    const contestant = spec as ContestantSpec;
    if (contestant.losses !== undefined) {
      const { loadLoss } = await import('../node/losses.js');
      await Promise.all(contestant.losses.map(loadLoss));
    }
    const opened = await contestantOf(contestant).open();
    return stationOf(opened, clock, watchMemory());
  },
);

// Whoever asked is gone.
process.on('disconnect', () => process.exit(0));
