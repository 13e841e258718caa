/**
 * The threads of a workgroup put together what each has added up, through workgroup memory: eighths first, then the eight, so
 * that no thread has more than eight numbers to add while the others wait. The order is fixed, and so are the bits.
 */
import type { MathName } from './math.js';

/** Threads of a workgroup. */
export const workgroupSize = 64;

type Use = (name: MathName) => void;

/** `aK`, the accumulators of one thread, become those of the whole workgroup, in every thread. */
export function combineAccumulators(
  accumulators: readonly { readonly op: 'sum' | 'max'; readonly k: number }[],
  firstSlot: number,
  use: Use,
): string[] {
  if (accumulators.length === 0) return [];
  const parts = accumulators.map(({ op, k }, n) => {
    const from = (firstSlot + n) * workgroupSize;
    const merge = op === 'sum' ? 'merge' : 'max';
    use(merge);
    const item = (at: string): string => (op === 'sum' ? `lanes[${at}]` : `lanes[${at}].x`);
    const store = (at: string): string => `lanes[${at}] = ${op === 'sum' ? `a${k}` : `vec2f(a${k}, 0.0)`};`;
    const addUp = (begin: string, step: string): string[] => [
      `a${k} = ${item(begin)};`,
      `for (var j = 1u; j < 8u; j++) { a${k} = sx_${merge}(a${k}, ${item(`${begin} + j${step}`)}); }`,
    ];
    return { from, store, addUp };
  });
  return [
    ...parts.map(({ from, store }) => store(`${from}u + lane`)),
    'workgroupBarrier();',
    'if (lane < 8u) {',
    ...parts.flatMap(({ from, store, addUp }) => [
      ...addUp(`${from}u + lane * 8u`, ''),
      store(`${from}u + lane * 8u`),
    ]),
    '}',
    'workgroupBarrier();',
    ...parts.flatMap(({ from, addUp }) => addUp(`${from}u`, ' * 8u')),
  ];
}

/** `tK`, the totals of one thread, become partial totals of the workgroup in the scratch buffer. */
export function combineTotals(count: number, firstSlot: number, use: Use): string[] {
  use('merge');
  use('isNaN');
  const begin = firstSlot * workgroupSize;
  return [
    ...Array.from({ length: count }, (_, k) => `lanes[${begin + k * workgroupSize}u + lane] = t${k};`),
    'workgroupBarrier();',
    `if (lane < ${count * 8}u) {`,
    `let begin = ${begin}u + lane * 8u;`,
    'var sum = lanes[begin];',
    'for (var j = 1u; j < 8u; j++) { sum = sx_merge(sum, lanes[begin + j]); }',
    'lanes[begin] = sum;',
    '}',
    'workgroupBarrier();',
    `if (lane < ${count}u && unit < params.units) {`,
    `let begin = ${begin}u + lane * ${workgroupSize}u;`,
    'var sum = lanes[begin];',
    'for (var j = 1u; j < 8u; j++) { sum = sx_merge(sum, lanes[begin + j * 8u]); }',
    `let at = params.partialBase + (unit * ${count}u + lane) * 2u;`,
    'scratch[at] = sum.x;',
    // Beside an infinity the errors are NaN, and nothing.
    'scratch[at + 1u] = select(sum.y, 0.0, sx_isNaN(sum.y));',
    '}',
  ];
}
