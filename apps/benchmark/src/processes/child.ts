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
    const opened = await contestantOf(spec as ContestantSpec).open();
    return stationOf(opened, clock, watchMemory());
  },
);

// Whoever asked is gone.
process.on('disconnect', () => process.exit(0));
