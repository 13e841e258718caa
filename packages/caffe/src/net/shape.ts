import type { BlobProto, BlobShape } from '../schema/messages.js';
import { has } from '../schema/message.js';
import type { Shape } from './layer-spec.js';

/** The number of elements; 1 for a scalar. */
export function countOf(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** A shape as Caffe prints it, extents and the count: `2 3 (6)`. */
export function shapeText(shape: Shape): string {
  return `${shape.map((extent) => `${extent} `).join('')}(${countOf(shape)})`;
}

/** Whether two shapes are the same, extent by extent. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** The extents of a `BlobShape` as numbers. */
export function dimsOf(shape: BlobShape): number[] {
  return shape.dim.map(Number);
}

/** Whether a blob gives its shape in the four legacy fields num, channels, height and width. */
export function hasLegacyShape(blob: BlobProto): boolean {
  return has(blob, 'num') || has(blob, 'channels') || has(blob, 'height') || has(blob, 'width');
}

/** The shape of a stored blob: its legacy four extents where it has any, else its `shape` (none at all is a scalar). */
export function blobShape(blob: BlobProto): number[] {
  return hasLegacyShape(blob) ? [blob.num, blob.channels, blob.height, blob.width] : dimsOf(blob.shape);
}
