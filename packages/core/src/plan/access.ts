import { ShapeError } from '../errors.js';
import { formatShape } from '../tensor.js';

/**
 * Where an operand's element for a row or element stands in its buffer. `dense`: at the row's (or element's) own linear
 * index. `strided`: at sum over the terms of (floor(index / divide) mod modulo) * stride; no terms: at 0.
 */
export type Access =
  | { readonly kind: 'dense' }
  | { readonly kind: 'strided'; readonly terms: readonly AccessTerm[] };

/** One group of dimensions that an operand varies along. */
export interface AccessTerm {
  readonly divide: number;
  readonly modulo: number;
  readonly stride: number;
}

/** The buffer index that an access gives for a linear row or element index. */
export function indexOf(access: Access, index: number): number {
  if (access.kind === 'dense') return index;
  let at = 0;
  for (const { divide, modulo, stride } of access.terms) at += (Math.floor(index / divide) % modulo) * stride;
  return at;
}

/**
 * How an operand of shape `shape` is read where it is broadcast, by numpy's rule, to `target`: shapes are aligned at
 * their last dimension, and a dimension of 1 (or a missing one) is repeated.
 *
 * @throws {ShapeError} when the shape does not broadcast
 */
export function broadcast(subject: string, shape: readonly number[], target: readonly number[]): Access {
  const offset = target.length - shape.length;
  const fits = offset >= 0 && shape.every((size, i) => size === 1 || size === target[i + offset]);
  if (!fits) {
    throw new ShapeError({
      subject,
      found: `shape ${formatShape(shape)}`,
      expected: `a shape that broadcasts to ${formatShape(target)}`,
    });
  }
  const terms: AccessTerm[] = [];
  let divide = 1;
  let stride = 1;
  for (let i = target.length - 1; i >= 0; i--) {
    const size = target[i] ?? 1;
    const own = i - offset >= 0 ? (shape[i - offset] ?? 1) : 1;
    if (size !== 1 && own !== 1) {
      const previous = terms.at(-1);
      const continues =
        previous !== undefined &&
        previous.divide * previous.modulo === divide &&
        previous.stride * previous.modulo === stride;
      if (continues) terms[terms.length - 1] = { ...previous, modulo: previous.modulo * size };
      else terms.push({ divide, modulo: size, stride });
    }
    divide *= size;
    stride *= own;
  }
  const only = terms.length === 1 ? terms[0] : undefined;
  const total = target.reduce((product, size) => product * size, 1);
  const isDense = total === 1 || (only !== undefined && only.divide === 1 && only.modulo === total);
  return isDense ? { kind: 'dense' } : { kind: 'strided', terms };
}
