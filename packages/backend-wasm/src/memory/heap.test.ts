import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heap, type Piece } from './heap.js';

const newHeap = (): Heap => new Heap(new WebAssembly.Memory({ initial: 1, maximum: 64 }), 'test');

it('gives pieces that are aligned, zeroed and never overlap, whatever is freed in between', () => {
  const steps = fc.array(fc.record({ free: fc.boolean(), pick: fc.nat(), bytes: fc.nat(40_000) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const heap = newHeap();
      const held: Piece[] = [];
      for (const { free, pick, bytes } of list) {
        if (free && held.length > 0) {
          heap.free(held.splice(pick % held.length, 1)[0]!);
          continue;
        }
        const piece = heap.allocate(bytes);
        const view = new Uint8Array(heap.buffer, piece.address, piece.bytes);
        expect(piece.address % 64).toBe(0);
        expect(piece.bytes).toBeGreaterThanOrEqual(bytes);
        expect(view.every((byte) => byte === 0)).toBe(true);
        for (const other of held) {
          const apart =
            other.address + other.bytes <= piece.address || piece.address + piece.bytes <= other.address;
          expect(apart).toBe(true);
        }
        view.fill(255);
        held.push(piece);
      }
    }),
    { numRuns: 50 },
  );
});

it('joins what is freed: everything can be had again in one piece', () => {
  const heap = newHeap();
  const pieces = Array.from({ length: 20 }, () => heap.allocate(30_000));
  const size = heap.buffer.byteLength;
  for (const i of [3, 1, 2, 0, 19, 17, 18, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
    heap.free(pieces[i]!);
  heap.allocate(19 * 30_000);
  expect(heap.buffer.byteLength).toBe(size);
});

it('knows views of its memory, and stale ones from others', () => {
  const heap = newHeap();
  const before = heap.buffer;
  expect(heap.holds(before)).toBe(true);
  heap.allocate(1_000_000);
  expect(heap.holds(before)).toBe(false);
  expect(heap.holds(new ArrayBuffer(8))).toBe(false);
});
