import { decodeMessage } from '../binary/decode.js';
import { CaffeFormatError } from '../errors.js';
import type { Datum } from '../schema/messages.js';
import { decodeImage } from './image.js';
import type { Pixels } from './transform.js';

/** Which channels an encoded datum is decoded to; undefined: those of the image. */
export type ForcedColour = 'colour' | 'grey' | undefined;

/**
 * Reads a row of a store as a caffe.Datum.
 * @param origin the store and the key, for errors.
 * @throws CaffeFormatError when the bytes are no Datum.
 */
export function parseDatum(bytes: Uint8Array, origin: string): Datum {
  return decodeMessage('Datum', bytes, { file: origin });
}

/**
 * The pixels of a datum: `data` as bytes or `float_data`, channel by channel; or, where it is `encoded`, the image that
 * `data` holds, decoded as OpenCV does (interleaved, blue first). `forced` concerns encoded images only.
 * @throws CaffeFormatError when the data do not fill channels x height x width or the image cannot be decoded.
 */
export async function datumPixels(datum: Datum, forced: ForcedColour, origin: string): Promise<Pixels> {
  if (datum.encoded) {
    const { height, width, channels, data } = await decodeImage(datum.data, forced ?? 'unchanged', origin);
    if (data instanceof Uint16Array) {
      throw new CaffeFormatError(
        origin,
        'found an encoded image of 16 bits, expected 8 (or force_color, force_gray)',
      );
    }
    return { channels, height, width, data, interleaved: true, origin };
  }
  const { channels, height, width } = datum;
  const values = datum.data.length > 0 ? datum.data : datum.float_data;
  const expected = channels * height * width;
  if (channels <= 0 || height <= 0 || width <= 0) {
    throw new CaffeFormatError(
      origin,
      `found a datum of ${channels}x${height}x${width}, expected positive numbers`,
    );
  }
  if (values.length !== expected) {
    throw new CaffeFormatError(
      origin,
      `found ${values.length} ${datum.data.length > 0 ? 'bytes' : 'floats'} in a datum of ${channels}x${height}x${width}, ` +
        `expected ${expected}`,
    );
  }
  return { channels, height, width, data: values, interleaved: false, origin };
}
