import type { Image } from './image.js';

/** Where one output coordinate reads: two source positions and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** The share of `second`. */
  readonly share: Float32Array;
}

function taps(source: number, target: number): Taps {
  const first = new Int32Array(target);
  const second = new Int32Array(target);
  const share = new Float32Array(target);
  // The same steps, in the same precision, as OpenCV: the shares then agree to the bit.
  const scale = 1 / (target / source);
  for (let i = 0; i < target; i++) {
    const position = Math.fround((i + 0.5) * scale - 0.5);
    const whole = Math.floor(position);
    share[i] = position - whole;
    first[i] = Math.min(Math.max(whole, 0), source - 1);
    second[i] = Math.min(Math.max(whole + 1, 0), source - 1);
  }
  return { first, second, share };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Weights in units of 1/2048, each rounded on its own. */
function fixedPoint(share: Float32Array): { low: Int32Array; high: Int32Array } {
  const low = new Int32Array(share.length);
  const high = new Int32Array(share.length);
  for (let i = 0; i < share.length; i++) {
    low[i] = roundHalfEven(Math.fround(1 - share[i]!) * 2048);
    high[i] = roundHalfEven(share[i]! * 2048);
  }
  return { low, high };
}

function halve(image: Image, height: number, width: number): Uint8Array {
  const { channels, data } = image;
  const out = new Uint8Array(height * width * channels);
  const row = image.width * channels;
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const from = 2 * y * row + 2 * x * channels + c;
        out[at++] =
          (data[from]! + data[from + channels]! + data[from + row]! + data[from + row + channels]! + 2) >> 2;
      }
    }
  }
  return out;
}

function resizeBytes(image: Image, height: number, width: number): Uint8Array {
  // OpenCV turns bilinear halving into the mean of two by two pixels.
  if (image.height === 2 * height && image.width === 2 * width) return halve(image, height, width);
  const { channels, data } = image;
  const across = taps(image.width, width);
  const down = taps(image.height, height);
  const weightX = fixedPoint(across.share);
  const weightY = fixedPoint(down.share);
  const row = width * channels;
  const horizontal = (y: number): Int32Array => {
    const line = new Int32Array(row);
    const base = y * image.width * channels;
    for (let x = 0, at = 0; x < width; x++) {
      const first = across.first[x]!;
      const second = across.second[x]!;
      // Clamped positions read one pixel with all of the weight.
      const low = first === second ? 2048 : weightX.low[x]!;
      const high = first === second ? 0 : weightX.high[x]!;
      for (let c = 0; c < channels; c++) {
        line[at++] = data[base + first * channels + c]! * low + data[base + second * channels + c]! * high;
      }
    }
    return line;
  };
  const lines = new Map<number, Int32Array>();
  const line = (y: number): Int32Array => {
    let found = lines.get(y);
    if (!found) {
      if (lines.size > 4) lines.clear(); // rows are asked for in ascending order
      found = horizontal(y);
      lines.set(y, found);
    }
    return found;
  };
  const out = new Uint8Array(height * row);
  for (let y = 0; y < height; y++) {
    const above = line(down.first[y]!);
    const below = line(down.second[y]!);
    const low = weightY.low[y]!;
    const high = weightY.high[y]!;
    for (let i = 0; i < row; i++) {
      out[y * row + i] = (((low * (above[i]! >> 4)) >> 16) + ((high * (below[i]! >> 4)) >> 16) + 2) >> 2;
    }
  }
  return out;
}

function resizeWords(image: Image<Uint16Array>, height: number, width: number): Uint16Array {
  const { channels, data } = image;
  const across = taps(image.width, width);
  const down = taps(image.height, height);
  const out = new Uint16Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const above = down.first[y]! * image.width;
    const below = down.second[y]! * image.width;
    const v = down.share[y]!;
    for (let x = 0; x < width; x++) {
      const left = across.first[x]!;
      const right = across.second[x]!;
      const u = left === right ? 0 : across.share[x]!;
      for (let c = 0; c < channels; c++) {
        const sample = (pixel: number): number => data[pixel * channels + c]!;
        const top = sample(above + left) * (1 - u) + sample(above + right) * u;
        const bottom = sample(below + left) * (1 - u) + sample(below + right) * u;
        out[at++] = roundHalfEven(top * (1 - v) + bottom * v);
      }
    }
  }
  return out;
}

/**
 * Bilinear resizing as OpenCV's `resize` with INTER_LINEAR does it. Output pixel i reads the source at
 * (i + 0.5) * source / target - 0.5, clamped at the borders. For 8 bits: weights in units of 2^-11, two steps of
 * fixed-point arithmetic, equal to OpenCV to the bit. For 16 bits: in float64, rounded to the nearest whole number.
 */
export function resize<Data extends Uint8Array | Uint16Array>(
  image: Image<Data>,
  height: number,
  width: number,
): Image<Data> {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const data =
    image.data instanceof Uint16Array
      ? resizeWords(image as Image<Uint16Array>, height, width)
      : resizeBytes(image as Image, height, width);
  return { height, width, channels, data: data as Data };
}
