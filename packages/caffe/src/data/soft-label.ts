import type { Image } from './image.js';

/** One soft label image: grey levels, and the level that stands for a probability of 1 (255 or 65535). */
export interface SoftLabel {
  readonly height: number;
  readonly width: number;
  readonly levels: Uint8Array | Uint16Array;
  readonly full: number;
}

/** Reads grey levels as probabilities: level / 255, or level / 65535 for images of 16 bits. */
export function softLabel({ height, width, data }: Image<Uint8Array | Uint16Array>): SoftLabel {
  return { height, width, levels: data, full: data instanceof Uint16Array ? 65535 : 255 };
}

/** An image and its label, decoded. */
export interface LabelledImage {
  readonly image: Image;
  readonly label: SoftLabel;
}

/** The memory that a pair takes. */
export function pairBytes({ image, label }: LabelledImage): number {
  return image.data.byteLength + label.levels.byteLength;
}
