import { describe, expect, it } from 'vitest';
import { signed32, unsigned } from './bytes.js';
import { FunctionBody } from './function.js';
import { encodeModule } from './module.js';

describe('LEB128', () => {
  // From the WebAssembly specification's examples and by hand.
  it.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [624485, [0xe5, 0x8e, 0x26]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('unsigned %i', (value, bytes) => {
    expect(unsigned(value)).toEqual(bytes);
  });

  it.each([
    [0, [0]],
    [63, [0x3f]],
    [64, [0xc0, 0x00]],
    [-1, [0x7f]],
    [-64, [0x40]],
    [-123456, [0xc0, 0xbb, 0x78]],
    [2 ** 32 - 1, [0x7f]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])('signed %i', (value, bytes) => {
    expect(signed32(value)).toEqual(bytes);
  });
});

it('writes functions that run: loops, blocks, branches and a prologue that comes first', () => {
  // Stores 1 + 2 + ... + n at address 0, starting from what the prologue set.
  const fn = new FunctionBody('sum', 1);
  const total = fn.local('i32');
  const start = fn.local('i32');
  fn.get(start).set(total);
  fn.block((exit) => {
    fn.loop((again) => {
      fn.get(0).op('i32.eqz');
      exit();
      fn.get(total).get(0).op('i32.add').set(total);
      fn.get(0).i32(1).op('i32.sub').tee(0);
      again();
    });
  });
  fn.prologue(() => fn.i32(1000).set(start));
  fn.i32(0).get(total).memory('i32.store', 0);

  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const bytes = encodeModule([fn], [fn], { shared: false, maximumPages: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  (exports['sum'] as (n: number) => void)(10);
  expect(new Int32Array(memory.buffer)[0]).toBe(1055);
});
