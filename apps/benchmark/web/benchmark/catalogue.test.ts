import { expect, it } from 'vitest';
import { catalogue } from './catalogue.js';
import { contestantOf } from './contestants.js';

it('names every contestant as its report does', () => {
  for (const { id, name, role, threads, needs } of catalogue) {
    const { key } = contestantOf(id, 3);
    expect(key).toEqual({
      contestant: name,
      role,
      threads: needs !== undefined ? null : threads === 'many' ? 3 : 1,
      device: needs === undefined ? 'cpu' : 'gpu',
    });
  }
});

it('gives each an id of its own', () => {
  expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
  expect(() => contestantOf('abacus', 1)).toThrow('there is no contestant abacus');
});
