import { expect, it } from 'vitest';
import { FunctionBody } from './function.js';
import { encodeModule } from './module.js';
import { Pipeline, pipelineStages } from './pipeline.js';

const [inputs, outputs, sums, room] = [0, 4096, 8192, 12288] as const;

/** y = sqrt((x + x^2) / (1 + x^2)) in place or elsewhere, and the running sum of x y, four lanes at a time. */
function compile(to: number, isPipelined: boolean): (steps: number, memory: WebAssembly.Memory) => void {
  const fn = new FunctionBody('f', 1);
  const at = fn.local('i32');
  const sum = fn.local('v128');
  const one = fn.local('v128');
  fn.i32(sums).memory('v128.load').set(one);
  const body = (): void => {
    const [x, square, quotient, y] = [0, 1, 2, 3].map(() => fn.local('v128')) as [
      number,
      number,
      number,
      number,
    ];
    fn.get(at).memory('v128.load', inputs).set(x);
    fn.get(x).get(x).op('f32x4.mul').set(square);
    fn.get(x).get(square).op('f32x4.add').get(one).get(square).op('f32x4.add').op('f32x4.div').set(quotient);
    fn.get(quotient).op('f32x4.sqrt').set(y);
    fn.get(at).get(y).memory('v128.store', to);
    fn.get(sum).get(x).get(y).op('f32x4.mul').op('f32x4.add').set(sum);
  };
  const loop = (step: () => void): void => {
    fn.loop((again) => {
      step();
      fn.get(0).i32(1).op('i32.sub').tee(0);
      again();
    });
  };
  if (isPipelined) {
    const base = fn.local('i32');
    const newLocals = fn.locals;
    const recording = fn.record(body);
    const pipeline = new Pipeline(fn, recording, new Map([[at, 16]]), newLocals, {
      base,
      offset: room,
      bytes: 1024,
    });
    pipeline.fill();
    fn.get(0)
      .i32(pipelineStages - 1)
      .op('i32.sub')
      .set(0);
    loop(() => pipeline.steady());
    pipeline.drain();
  } else {
    loop(() => {
      body();
      fn.get(at).i32(16).op('i32.add').set(at);
    });
  }
  fn.i32(sums).get(sum).memory('v128.store');
  const bytes = encodeModule([fn], [fn], { shared: false, maximumPages: 1 });
  return (steps, memory) => {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    (exports['f'] as (steps: number) => void)(steps);
  };
}

function run(to: number, isPipelined: boolean, steps: number): Float32Array {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  new Float32Array(memory.buffer, inputs, 4 * steps).forEach((_, i, x) => (x[i] = i + 0.1));
  new Float32Array(memory.buffer, sums, 4).fill(1);
  compile(to, isPipelined)(steps, memory);
  const values = new Float32Array(memory.buffer);
  return Float32Array.of(
    ...values.subarray(to / 4, to / 4 + 4 * steps),
    ...values.subarray(sums / 4, sums / 4 + 4),
  );
}

it.each([3, 4, 5, 50])('does in several iterations at a time what a plain loop does: %i steps', (steps) => {
  expect(run(outputs, false, steps).every((value) => value > 0)).toBe(true);
  expect(run(outputs, true, steps)).toEqual(run(outputs, false, steps));
});

it('reads what it overwrites before it does', () => {
  expect(run(inputs, true, 9)).toEqual(run(inputs, false, 9));
});

it('refuses to record what it could not move', () => {
  const fn = new FunctionBody('f', 1);
  expect(() => fn.record(() => fn.get(0).ifThen(() => {}))).toThrow('neither branches nor calls');
});
