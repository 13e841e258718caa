// Worst error of every transcendental function of the kernels over every float32 of its domain, in units in the last
// place of the result. Not part of the tests: all of it takes many minutes. After a build:
//
//   node scripts/check-functions.mjs [--every=1] [--only=exp] [--relaxed]
//
// `--every=101` looks at every 101st float32. Exits with 1 where a bound is not kept.
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { FunctionBody } from '../dist/emitter/function.js';
import { encodeModule } from '../dist/emitter/module.js';
import * as functions from '../dist/render/functions.js';
import { ConstantPool, Vectors } from '../dist/render/vectors.js';

const options = Object.fromEntries(
  process.argv.slice(2).map((arg) => {
    const [name, value = ''] = arg.replace(/^--/, '').split('=');
    return [name, value];
  }),
);
const every = Number(options.every || 1);
const relaxed = 'relaxed' in options;
if (relaxed) setFlagsFromString('--experimental-wasm-relaxed-simd');

const lanes = 4096;
const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });

/** `f(count)`: applies the function to `count` vectors, from address 65536 to address 131072. */
function compile(apply) {
  const pool = new ConstantPool();
  const fn = new FunctionBody('f', 1);
  const table = fn.local('i32');
  const at = fn.local('i32');
  const v = new Vectors(fn, pool, table, { relaxed });
  fn.loop((again) => {
    const x = v.let(() => fn.get(at).memory('v128.load', 65536));
    const y = v.let(apply(v, x));
    fn.get(at);
    y();
    fn.memory('v128.store', 131072);
    fn.get(at).i32(16).op('i32.add').set(at);
    fn.get(0).i32(1).op('i32.sub').tee(0);
    again();
  });
  const bytes = encodeModule([fn], [fn], { shared: false, maximumPages: 65536 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  const constants = pool.table;
  return (count) => {
    new Int32Array(memory.buffer, 0, constants.length).set(constants);
    exports.f(count);
  };
}

const tail = (x) => {
  const e = Math.exp(-Math.abs(x));
  return e / (1 + e);
};
const all = [0x00000000, 0x7f7fffff];
const negatives = [0x80000000, 0xff7fffff];
// Below the smallest normal number an absolute error of it is allowed.
const least = 2 ** -126;
const checks = [
  // exp(x) for x <= 0, down to where results end.
  {
    name: 'exp of negatives',
    f: functions.expOfNegative,
    of: Math.exp,
    ranges: [[0x80000000, 0xc2c00000]],
    bound: 1.5,
  },
  {
    name: 'exp',
    f: functions.exp,
    of: Math.exp,
    ranges: [
      [0x00000000, 0x42b20000],
      [0x80000000, 0xc2d40000],
    ],
    bound: 1.5,
  },
  {
    name: 'logisticTail',
    f: functions.logisticTail,
    of: tail,
    ranges: [[0x00000000, 0x42c00000]],
    bound: 2.5,
  },
  {
    name: 'logisticTail beside softplusTail',
    f: (v, x) => functions.tails(v, x).logistic,
    of: tail,
    ranges: [[0x00000000, 0x42c00000]],
    bound: 2.5,
  },
  {
    name: 'softplusTail',
    f: (v, x) => functions.tails(v, x).softplus(),
    of: (x) => Math.log1p(Math.exp(-Math.abs(x))),
    ranges: [[0x00000000, 0x42c00000]],
    bound: 3.5,
  },
  { name: 'log', f: functions.log, of: Math.log, ranges: [all], bound: 1.5 },
  { name: 'log1p', f: functions.log1p, of: Math.log1p, ranges: [all, [0x80000000, 0xbf7fffff]], bound: 2 },
  ...[0.5, 2.5, -1.5, 5].map((power) => ({
    name: `pow ${power}`,
    f: (v, x) => functions.pow(v, x, v.constant(power)),
    of: (x) => x ** power,
    ranges: power === 5 ? [all, negatives] : [all],
    bound: 2,
  })),
];

const exponent = new Float64Array(1);
const exponentBits = new Uint32Array(exponent.buffer);
/** One unit in the last place of a float32 of this size. */
function ulpOf(value) {
  exponent[0] = Math.abs(value);
  const e = Math.max((exponentBits[1] >>> 20) - 1023, -126);
  return 2 ** (e - 23);
}

for (const { name, f, of, ranges, bound } of checks) {
  if (options.only !== undefined && options.only !== name) continue;
  const run = compile(f);
  const bits = new Uint32Array(memory.buffer, 65536, lanes);
  const inputs = new Float32Array(memory.buffer, 65536, lanes);
  const outputs = new Float32Array(memory.buffer, 131072, lanes);
  let [worst, at, count, special] = [0, 0, 0, 0];
  for (const [from, to] of ranges) {
    for (let start = from; start <= to; start += lanes * every) {
      for (let i = 0; i < lanes; i++) bits[i] = Math.min(start + i * every, to);
      run(lanes / 4);
      for (let i = 0; i < lanes; i++) {
        const x = inputs[i];
        const right = of(x);
        const got = outputs[i];
        count++;
        if (Math.fround(right) === got || Math.abs(right - got) <= least) continue;
        const error = Math.abs(got - right) / ulpOf(right);
        if (!(error < 1e6)) special++;
        else if (error > worst) [worst, at] = [error, x];
      }
    }
  }
  const isKept = worst <= bound && special === 0;
  if (!isKept) process.exitCode = 1;
  console.log(
    `${name.padEnd(32)} ${count} numbers: at most ${worst.toFixed(3)} ulp, at ${at}` +
      (special > 0 ? `; ${special} wrong altogether` : '') +
      (isKept ? '' : `   NOT within ${bound}`),
  );
}
