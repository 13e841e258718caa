import { CaffeFormatError } from '../errors.js';
import { countOf, hasLegacyShape, sameShape, shapeText, blobShape } from '../net/shape.js';
import type { Shape } from '../net/layer-spec.js';
import { create, has } from '../schema/message.js';
import type { BlobProto } from '../schema/messages.js';

/** A blob as a file holds it. */
export interface StoredBlob {
  readonly shape: Shape;
  /** The shape was given as num, channels, height and width: leading ones may be missing from the net's. */
  readonly legacy: boolean;
  readonly data: Float32Array | Float64Array;
  readonly diff?: Float32Array | Float64Array | undefined;
}

/** The blob of a message; the numbers are shared with it. */
export function storedBlob(blob: BlobProto): StoredBlob {
  const diff = has(blob, 'double_diff') ? blob.double_diff : has(blob, 'diff') ? blob.diff : undefined;
  return {
    shape: blobShape(blob),
    legacy: hasLegacyShape(blob),
    data: has(blob, 'double_data') ? blob.double_data : blob.data,
    diff,
  };
}

/** Whether a stored blob has a shape, in old or new form. A scalar's has no axes, but then it holds one number. */
export function fitsShape(blob: StoredBlob, shape: Shape): boolean {
  if (!blob.legacy) return sameShape(blob.shape, shape);
  if (shape.length > 4) return false;
  return sameShape(blob.shape, [...Array.from({ length: 4 - shape.length }, () => 1), ...shape]);
}

/** Refuses a blob whose numbers do not fill its shape. */
export function checkBlobData(blob: StoredBlob, what: string, file: string): void {
  const count = countOf(blob.shape);
  if (blob.data.length === count) return;
  throw new CaffeFormatError(
    file,
    `${what} has the shape ${shapeText(blob.shape)} and ${blob.data.length} values, expected ${count}`,
  );
}

/** A blob message with a shape of today's form. The numbers are shared with the arrays. */
export function blobProto(shape: Shape, data: Float32Array, diff?: Float32Array): BlobProto {
  const blob = create('BlobProto', { shape: { dim: shape.map(BigInt) }, data });
  if (diff) blob.diff = diff;
  return blob;
}

/**
 * The shape and float32 values of a blob file's message: `mean.binaryproto`, an infogain matrix.
 * @throws CaffeFormatError when the numbers do not fill the shape.
 */
export function blobValues(blob: BlobProto, file: string): { shape: Shape; data: Float32Array } {
  const stored = storedBlob(blob);
  checkBlobData(stored, 'the blob', file);
  return {
    shape: stored.shape,
    data: stored.data instanceof Float32Array ? stored.data : Float32Array.from(stored.data),
  };
}
