/**
 * The threads of a workgroup put together what each has added up, as the leaves of one binary tree: neighbours first, then
 * pairs of neighbours, and so on. Which threads do it, and whether numbers go through workgroup memory or between the
 * lanes of a subgroup, changes nothing in the tree, and so nothing in the bits.
 */
import type { MathName } from './math.js';

/** Threads of a workgroup. */
export const workgroupSize = 64;

/**
 * Lanes next to one another that pass numbers without memory: a power of two, at most the adapter's smallest subgroup; 0
 * where workgroup memory does it all. Subgroups may be larger, and differ from dispatch to dispatch: lanes beyond these
 * are never asked.
 */
export type SubgroupLanes = 0 | 4 | 8 | 16 | 32 | 64;

type Use = (name: MathName) => void;
type Merge = (left: string, right: string) => string;

/** The binary tree over these leaves, a power of two of them. */
function tree(items: readonly string[], merge: Merge): string {
  if (items.length === 1) return items[0] as string;
  const middle = items.length / 2;
  return merge(tree(items.slice(0, middle), merge), tree(items.slice(middle), merge));
}

function leaves(count: number, at: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, n) => at(n));
}

/** `name` becomes, in every first lane of so many, what they all have. */
function betweenLanes(name: string, lanes: SubgroupLanes, merge: Merge): string[] {
  const lines: string[] = [];
  for (let step = 1; step < lanes; step *= 2) {
    lines.push(`${name} = ${merge(name, `subgroupShuffleDown(${name}, ${step}u)`)};`);
  }
  return lines;
}

/** Accumulators that are put together at once: eight threads to each. */
const together = workgroupSize / 8;

interface Accumulator {
  readonly op: 'sum' | 'max';
  readonly k: number;
}

/** `aK`, the accumulators of one thread, become those of the whole workgroup, in every thread. */
export function combineAccumulators(
  accumulators: readonly Accumulator[],
  firstSlot: number,
  lanes: SubgroupLanes,
  use: Use,
): string[] {
  const lines: string[] = [];
  let slot = firstSlot;
  for (const op of ['sum', 'max'] as const) {
    const same = accumulators.filter((accumulator) => accumulator.op === op);
    for (let n = 0; n < same.length; n += together) {
      const some = same.slice(n, n + together);
      lines.push(...combineSome(some, op, slot, lanes, use));
      slot += some.length;
    }
  }
  return lines;
}

function combineSome(
  accumulators: readonly Accumulator[],
  op: 'sum' | 'max',
  firstSlot: number,
  lanes: SubgroupLanes,
  use: Use,
): string[] {
  const name = op === 'sum' ? 'merge' : 'max';
  use(name);
  const merge: Merge = (left, right) => `sx_${name}(${left}, ${right})`;
  const item = (at: string): string => (op === 'sum' ? `lanes[${at}]` : `lanes[${at}].x`);
  const stored = (value: string): string => (op === 'sum' ? value : `vec2f(${value}, 0.0)`);
  const base = firstSlot * workgroupSize;
  const parts = accumulators.map(({ k }, n) => ({ name: `a${k}`, from: base + n * workgroupSize }));
  const all = (at: string): string[] =>
    parts.map((part) => `lanes[${part.from}u + ${at}] = ${stored(part.name)};`);
  /** Some threads put together so many numbers each, from where the thread's own begin; the sum takes the first's place. */
  const some = (threads: number, own: number, count: number, apart: number): string[] => [
    'workgroupBarrier();',
    `if (lane < ${threads}u) {`,
    `let begin = ${base}u + lane * ${own}u;`,
    `lanes[begin] = ${stored(
      tree(
        leaves(count, (n) => item(`begin + ${n * apart}u`)),
        merge,
      ),
    )};`,
    '}',
  ];
  const result = parts.map((part) => `${part.name} = ${item(`${part.from}u`)};`);
  if (lanes === 0) {
    // Eighths first, then the eight: no thread has more than eight numbers to add while the others wait.
    return [
      ...all('lane'),
      ...some(parts.length * 8, 8, 8, 1),
      ...some(parts.length, workgroupSize, 8, 8),
      'workgroupBarrier();',
      ...result,
    ];
  }
  const left = workgroupSize / lanes;
  return [
    ...parts.flatMap((part) => betweenLanes(part.name, lanes, merge)),
    `if (lane % ${lanes}u == 0u) {`,
    ...all(`lane / ${lanes}u`),
    '}',
    // Two are added faster by everybody than one thread is waited for.
    ...(left <= 2
      ? [
          'workgroupBarrier();',
          ...parts.map(
            (part) =>
              `${part.name} = ${tree(
                leaves(left, (n) => item(`${part.from + n}u`)),
                merge,
              )};`,
          ),
        ]
      : [...some(parts.length, workgroupSize, left, 1), 'workgroupBarrier();', ...result]),
  ];
}

/** `tK`, the totals of one thread, become partial totals of the workgroup in the scratch buffer. */
export function combineTotals(count: number, firstSlot: number, lanes: SubgroupLanes, use: Use): string[] {
  use('merge');
  use('isNaN');
  const begin = firstSlot * workgroupSize;
  const merge: Merge = (left, right) => `sx_merge(${left}, ${right})`;
  const totals = Array.from({ length: count }, (_, k) => ({
    name: `t${k}`,
    from: begin + k * workgroupSize,
  }));
  const stored = (each: number): string[] => [
    'workgroupBarrier();',
    `if (lane < ${count}u && unit < params.units) {`,
    `let begin = ${begin}u + lane * ${workgroupSize}u;`,
    `let sum = ${tree(
      leaves(workgroupSize / (lanes > 0 ? lanes : 8), (n) => `lanes[begin + ${n * each}u]`),
      merge,
    )};`,
    `let at = params.partialBase + (unit * ${count}u + lane) * 2u;`,
    'scratch[at] = sum.x;',
    // Beside an infinity the errors are NaN, and nothing.
    'scratch[at + 1u] = select(sum.y, 0.0, sx_isNaN(sum.y));',
    '}',
  ];
  if (lanes > 0) {
    return [
      ...totals.flatMap(({ name }) => betweenLanes(name, lanes, merge)),
      `if (lane % ${lanes}u == 0u) {`,
      ...totals.map(({ name, from }) => `lanes[${from}u + lane / ${lanes}u] = ${name};`),
      '}',
      ...stored(1),
    ];
  }
  return [
    ...totals.map(({ name, from }) => `lanes[${from}u + lane] = ${name};`),
    'workgroupBarrier();',
    `if (lane < ${count * 8}u) {`,
    `let begin = ${begin}u + lane * 8u;`,
    `lanes[begin] = ${tree(
      leaves(8, (n) => `lanes[begin + ${n}u]`),
      merge,
    )};`,
    '}',
    ...stored(8),
  ];
}
