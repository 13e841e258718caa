import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../errors.js';
import { sizeOf } from '../tensor.js';
import { broadcast, indexOf } from './access.js';

/** The index by the definition of broadcasting: coordinates, aligned at the end, 0 where the operand has length 1. */
function byCoordinates(shape: readonly number[], target: readonly number[], index: number): number {
  let rest = index;
  let stride = 1;
  let at = 0;
  for (let i = target.length - 1; i >= 0; i--) {
    const size = target[i] as number;
    const own = shape[i - (target.length - shape.length)] ?? 1;
    if (own !== 1) at += (rest % size) * stride;
    stride *= own;
    rest = Math.floor(rest / size);
  }
  return at;
}

const targets = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 5 });

describe('broadcast', () => {
  it('reads the element that numpy would, for every shape that fits', () => {
    fc.assert(
      fc.property(
        targets,
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        fc.nat(5),
        (target, keep, drop) => {
          const shape = target
            .map((size, i) => (keep[i] === true ? size : 1))
            .slice(Math.min(drop, target.length));
          const access = broadcast('mask', shape, target);
          for (let i = 0; i < sizeOf(target); i++)
            expect(indexOf(access, i)).toBe(byCoordinates(shape, target, i));
        },
      ),
    );
  });

  it('knows a dense operand, and joins dimensions that run on', () => {
    expect(broadcast('weights', [2, 3, 4], [2, 3, 4])).toEqual({ kind: 'dense' });
    expect(broadcast('weights', [1, 1, 4], [1, 1, 4])).toEqual({ kind: 'dense' });
    expect(broadcast('weights', [], [2, 3])).toEqual({ kind: 'strided', terms: [] });
    expect(broadcast('mask', [5, 7], [2, 3, 5, 7])).toEqual({
      kind: 'strided',
      terms: [{ divide: 1, modulo: 35, stride: 1 }],
    });
    expect(broadcast('mask', [2, 1, 5, 7], [2, 3, 5, 7])).toEqual({
      kind: 'strided',
      terms: [
        { divide: 1, modulo: 35, stride: 1 },
        { divide: 105, modulo: 2, stride: 35 },
      ],
    });
  });

  it.each([
    [[3], [2, 4]],
    [
      [2, 2, 4],
      [2, 4],
    ],
    [[0], [2, 4]],
  ])('refuses %j for %j', (shape, target) => {
    expect(() => broadcast('weights', shape, target)).toThrow(ShapeError);
  });
});
