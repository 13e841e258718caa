/** Participants in processes of their own: memory is theirs alone, and a crash is a reason in a row, not the end of the run. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Participant } from '../measure/participant.js';
import { contestantOf, type ContestantSpec } from '../node/catalog.js';
import { Caller } from './protocol.js';

/** How a process is started. */
export interface ProcessOptions {
  /** The program that it runs. Default: child.js beside this file. */
  readonly program?: URL;
  /** Flags of Node. Default: those of this process, so that --experimental-wasm-relaxed-simd holds for the others too. */
  readonly execArgv?: readonly string[];
}

const mostText = 4000;

/** Why a process ended that nobody had asked to. */
function reasonOf(code: number | null, signal: NodeJS.Signals | null, said: string): string {
  const lines = said.trim().split('\n');
  const last = (lines.find((line) => /error/i.test(line)) ?? '').trim();
  const how =
    signal === 'SIGKILL'
      ? 'was killed, as systems do where memory is short'
      : `ended with ${signal === null ? `status ${code}` : signal}`;
  return `its process ${how}${last === '' ? '' : `: ${last}`}`;
}

function connect(child: ChildProcess): Caller {
  const caller = new Caller({
    // A process that is gone is told of by its exit.
    send: (message) => void child.send(message as object, () => undefined),
    onMessage: (heard) => void child.on('message', heard),
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-mostText);
  });
  child.on('error', (error) => caller.gone(`its process could not be started: ${error.message}`));
  child.on('close', (code, signal) => caller.gone(reasonOf(code, signal, said)));
  return caller;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // It has nothing to lose, and threads of a library may keep it from leaving by itself.
  child.kill('SIGKILL');
  await exited;
}

/** A contestant that gets a new process each time it is opened. */
export function inOwnProcess(spec: ContestantSpec, options: ProcessOptions = {}): Participant {
  const { key, bytesPerElement } = contestantOf(spec);
  const { program = new URL('child.js', import.meta.url), execArgv = process.execArgv } = options;
  return {
    key,
    bytesPerElement,
    async open() {
      const child = fork(program, {
        execArgv: [...execArgv, '--expose-gc'],
        serialization: 'advanced',
        // Libraries greet on standard output.
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      try {
        return await connect(child).station(spec, () => end(child));
      } catch (error) {
        await end(child);
        throw error;
      }
    },
  };
}
