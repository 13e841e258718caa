import type { Access } from '@softxent/core/plan';

/** Where an access finds the element for a row or element index, as WGSL. */
export function indexText(access: Access, index: string): string {
  if (access.kind === 'dense') return index;
  const terms = access.terms.map(({ divide, modulo, stride }) => {
    const divided = divide === 1 ? index : `(${index} / ${divide}u)`;
    const wrapped = `(${divided} % ${modulo}u)`;
    return stride === 1 ? wrapped : `(${wrapped} * ${stride}u)`;
  });
  return terms.length === 0 ? '0u' : `(${terms.join(' + ')})`;
}

/**
 * The least and the greatest index that an access gives for indices `from` to `to` - 1; between them it may leave some out.
 */
export function indexRange(access: Access, from: number, to: number): { from: number; to: number } {
  if (access.kind === 'dense') return { from, to };
  let least = 0;
  let greatest = 0;
  for (const { divide, modulo, stride } of access.terms) {
    const first = Math.floor(from / divide);
    const last = Math.floor((to - 1) / divide);
    const wraps = last - first >= modulo || last % modulo < first % modulo;
    least += (wraps ? 0 : first % modulo) * stride;
    greatest += (wraps ? modulo - 1 : last % modulo) * stride;
  }
  return { from: least, to: greatest + 1 };
}
