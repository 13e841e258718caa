/**
 * A worker of the pool: waits on shared memory for jobs, and reads messages when it is told to. Plain JavaScript, so
 * that it runs as it stands from the sources, from `dist` and from a bundle; without imports, so that one file is all.
 */

/** @typedef {import('./control.js').Control} Control */
/**
 * @typedef {{ type: 'start', memory: WebAssembly.Memory, address: number, control: Control, index: number }
 *   | { type: 'kernel', id: number, module: WebAssembly.Module }
 *   | { type: 'drop', id: number }
 *   | { type: 'ping', token: number }
 *   | { type: 'work' }} Message
 */

// Spins this often before it sleeps: a job that follows soon is joined in a microsecond.
const spins = 2000;

/** @type {Map<number, (args: number, scratch: number, from: number, to: number) => void>} */
const kernels = new Map();
/** @type {WebAssembly.Memory} */
let memory;
/** @type {Int32Array} */
let words;
let index = 0;
/** @type {Control} */
let control;

function join() {
  const kernel = kernels.get(Atomics.load(words, control.kernel));
  if (kernel === undefined) return;
  const args = Atomics.load(words, control.args);
  const scratch = Atomics.load(words, control.scratch) + index * Atomics.load(words, control.scratchBytes);
  const blocks = Atomics.load(words, control.blocks);
  const chunk = Atomics.load(words, control.chunk);
  for (;;) {
    const from = Atomics.add(words, control.next, chunk);
    if (from >= blocks) return;
    kernel(args, scratch, from, Math.min(from + chunk, blocks));
  }
}

function work() {
  let seen = Atomics.load(words, control.generation);
  while (Atomics.load(words, control.messages) === 0) {
    Atomics.add(words, control.active, 1);
    try {
      if (Atomics.load(words, control.open) === 1) join();
    } catch {
      Atomics.store(words, control.failed, 1);
    } finally {
      Atomics.sub(words, control.active, 1);
      Atomics.notify(words, control.active);
    }
    let spin = 0;
    while (spin < spins && Atomics.load(words, control.generation) === seen) spin++;
    if (spin === spins) Atomics.wait(words, control.generation, seen);
    seen = Atomics.load(words, control.generation);
  }
}

/**
 * @param {Message} message
 * @param {(reply: object) => void} reply
 */
function receive(message, reply) {
  switch (message.type) {
    case 'start':
      memory = message.memory;
      index = message.index;
      control = message.control;
      words = new Int32Array(memory.buffer, message.address, control.words);
      reply({ type: 'started' });
      break;
    case 'kernel': {
      const { exports } = new WebAssembly.Instance(message.module, { env: { memory } });
      kernels.set(message.id, /** @type {never} */ (exports['run']));
      break;
    }
    case 'drop':
      kernels.delete(message.id);
      break;
    case 'ping':
      reply({ type: 'pong', token: message.token });
      break;
    case 'work':
      work();
      break;
  }
}

// Node's workers have no global message event. Asked for this way, no bundler sees an import of a Node module.
const node = typeof process === 'object' ? process.getBuiltinModule?.('node:worker_threads') : undefined;
const port = node?.parentPort;
if (port)
  port.on('message', (/** @type {Message} */ message) => receive(message, (m) => port.postMessage(m)));
else {
  // A worker's postMessage has no target origin.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const reply = (/** @type {object} */ message) => globalThis.postMessage(message);
  globalThis.addEventListener('message', (/** @type {MessageEvent<Message>} */ { data }) =>
    receive(data, reply),
  );
}
