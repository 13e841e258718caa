/** The picture: one row an image, image, soft label and prediction side by side. */
import { encode } from 'fast-png';
import { drawText, letterHeight, widthOf, type Canvas } from './lettering.js';

/** A column of the picture: a caption and, one after another, square panels with values in [0, 1]. */
export interface Column {
  readonly caption: string;
  readonly values: Float32Array;
}

const magnification = 3;
const margin = 12;
const textMagnification = 2;
const header = letterHeight * textMagnification + margin;
const paper = 255;
const ink = 40;

/** Width and height of the picture in pixels. */
export function pictureSize(columns: number, rows: number, size: number): { width: number; height: number } {
  const panel = size * magnification;
  return {
    width: margin + columns * (panel + margin),
    height: margin + header + rows * (panel + margin),
  };
}

function drawPanel(
  canvas: Canvas,
  values: Float32Array,
  { left, top, size }: { left: number; top: number; size: number },
): void {
  for (let y = 0; y < size * magnification; y += 1) {
    for (let x = 0; x < size * magnification; x += 1) {
      const value = values[Math.floor(y / magnification) * size + Math.floor(x / magnification)]!;
      canvas.pixels[(top + y) * canvas.width + left + x] = Math.round(255 * value);
    }
  }
}

/**
 * Draws panels of size x size values as a PNG: 0 is black, 1 is white, a value is a square of three pixels.
 *
 * @throws {RangeError} when a column does not hold `rows` panels
 */
export function drawPicture(columns: readonly Column[], rows: number, size: number): Uint8Array {
  const { width, height } = pictureSize(columns.length, rows, size);
  const canvas: Canvas = { width, height, pixels: new Uint8Array(width * height).fill(paper) };
  const area = size * size;
  const panel = size * magnification;
  for (const [place, { caption, values }] of columns.entries()) {
    if (values.length !== rows * area) {
      throw new RangeError(`${caption}: found ${values.length} values, expected ${rows * area}`);
    }
    const left = margin + place * (panel + margin);
    const centre = left + Math.round((panel - widthOf(caption) * textMagnification) / 2);
    drawText(canvas, caption, { x: centre, y: margin, magnification: textMagnification, ink });
    for (let row = 0; row < rows; row += 1) {
      const top = margin + header + row * (panel + margin);
      drawPanel(canvas, values.subarray(row * area, (row + 1) * area), { left, top, size });
    }
  }
  return encode({ width, height, data: canvas.pixels, channels: 1, depth: 8 });
}
