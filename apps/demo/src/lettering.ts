/** Small letters for captions: five pixels wide, seven high, as many as the captions need. */

/** An image of one channel to draw on. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const width = 5;
const gap = 1;

/** Height of a line of letters in pixels, before magnification. */
export const letterHeight = 8;

// A word is a row of pixels, `#` for ink, from the top down; descenders take the eighth row.
const letters: Readonly<Record<string, string>> = {
  ' ': '..... ..... ..... ..... ..... ..... ..... .....',
  a: '..... ..... .###. ....# .#### #...# .#### .....',
  b: '#.... #.... ####. #...# #...# #...# ####. .....',
  c: '..... ..... .###. #...# #.... #...# .###. .....',
  d: '....# ....# .#### #...# #...# #...# .#### .....',
  e: '..... ..... .###. #...# ##### #.... .###. .....',
  f: '..##. .#..# .#... ####. .#... .#... .#... .....',
  g: '..... ..... .#### #...# #...# .#### ....# .###.',
  i: '..#.. ..... .##.. ..#.. ..#.. ..#.. .###. .....',
  l: '.##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###. .....',
  m: '..... ..... ##.#. #.#.# #.#.# #.#.# #.#.# .....',
  n: '..... ..... ####. #...# #...# #...# #...# .....',
  o: '..... ..... .###. #...# #...# #...# .###. .....',
  p: '..... ..... ####. #...# #...# ####. #.... #....',
  r: '..... ..... #.##. ##..# #.... #.... #.... .....',
  s: '..... ..... .#### #.... .###. ....# ####. .....',
  t: '.#... .#... ####. .#... .#... .#..# ..##. .....',
};

/** Width of a text in pixels, before magnification. */
export function widthOf(text: string): number {
  return text.length * (width + gap) - gap;
}

/** Fills a square of `magnification` pixels at (x, y); what falls off the canvas is left out. */
function fillSquare(canvas: Canvas, x: number, y: number, magnification: number, value: number): void {
  for (let row = Math.max(y, 0); row < Math.min(y + magnification, canvas.height); row += 1) {
    const from = Math.max(x, 0);
    const to = Math.min(x + magnification, canvas.width);
    if (from < to) canvas.pixels.fill(value, row * canvas.width + from, row * canvas.width + to);
  }
}

/**
 * Writes a text with its upper left corner at (x, y).
 *
 * @throws {RangeError} for a letter that is not among those drawn here
 */
export function drawText(
  canvas: Canvas,
  text: string,
  { x, y, magnification, ink }: { x: number; y: number; magnification: number; ink: number },
): void {
  for (let place = 0; place < text.length; place += 1) {
    const rows = letters[text.charAt(place)]?.split(' ');
    if (rows === undefined) throw new RangeError(`captions have no letter '${text.charAt(place)}'`);
    for (const [row, dots] of rows.entries()) {
      for (let column = 0; column < width; column += 1) {
        if (dots[column] !== '#') continue;
        const left = x + (place * (width + gap) + column) * magnification;
        fillSquare(canvas, left, y + row * magnification, magnification, ink);
      }
    }
  }
}
