/** Images that look a little like microscopy: sharp and faint cells, fibres, uneven light, noise. */
import type { Random } from '../random.js';

/** An elliptic cell. Lengths in pixels, contrast in units of the image, whose values lie in [0, 1]. */
export interface Cell {
  readonly x: number;
  readonly y: number;
  readonly radiusX: number;
  readonly radiusY: number;
  readonly angle: number;
  readonly contrast: number;
  /** Width of its edge; a cell out of focus has a wide one. */
  readonly blur: number;
}

interface Fibre {
  readonly x: number;
  readonly y: number;
  readonly angle: number;
  readonly brightness: number;
}

/** What is in an image, and the image. */
export interface Scene {
  readonly size: number;
  readonly cells: readonly Cell[];
  /** size x size values in [0, 1], row by row. */
  readonly image: Float32Array;
}

/** Where a point lies as a cell sees it. */
export interface CellPosition {
  /** Distance to the outline in pixels, roughly; positive inside. */
  readonly inside: number;
  /** Direction from the centre, in radians. */
  readonly direction: number;
}

/** The position of a point in a cell's own coordinates. */
export function positionIn(cell: Cell, x: number, y: number): CellPosition {
  const cos = Math.cos(cell.angle);
  const sin = Math.sin(cell.angle);
  const u = (cos * (x - cell.x) + sin * (y - cell.y)) / cell.radiusX;
  const v = (cos * (y - cell.y) - sin * (x - cell.x)) / cell.radiusY;
  return {
    inside: (1 - Math.hypot(u, v)) * Math.sqrt(cell.radiusX * cell.radiusY),
    direction: Math.atan2(v, u),
  };
}

function drawCell(size: number, random: Random): Cell {
  const isFaint = random.uniform() < 0.4;
  const radius = random.uniform(0.08, 0.17) * size;
  const stretch = random.uniform(0.75, 1.33);
  return {
    x: random.uniform(0, size),
    y: random.uniform(0, size),
    radiusX: radius * stretch,
    radiusY: radius / stretch,
    angle: random.uniform(0, Math.PI),
    contrast: isFaint ? random.uniform(0.08, 0.22) : random.uniform(0.3, 0.42),
    blur: isFaint ? random.uniform(1.2, 2.2) : random.uniform(0.5, 0.9),
  };
}

function drawFibre(size: number, random: Random): Fibre {
  return {
    x: random.uniform(0, size),
    y: random.uniform(0, size),
    angle: random.uniform(0, Math.PI),
    brightness: random.uniform(0.2, 0.35),
  };
}

/** Light that falls from a random side, with slow waves on it. */
function drawLight(size: number, random: Random): (x: number, y: number) => number {
  const level = random.uniform(0.24, 0.34);
  const slope = { x: random.uniform(-0.1, 0.1), y: random.uniform(-0.1, 0.1) };
  const waves = Array.from({ length: 3 }, () => ({
    x: (random.uniform(-2, 2) * 2 * Math.PI) / size,
    y: (random.uniform(-2, 2) * 2 * Math.PI) / size,
    phase: random.uniform(0, 2 * Math.PI),
  }));
  return (x, y) => {
    let light = level + slope.x * (x / size - 0.5) + slope.y * (y / size - 0.5);
    for (const wave of waves) light += 0.015 * Math.sin(wave.x * x + wave.y * y + wave.phase);
    return light;
  };
}

const noise = 0.05;

/** Makes a scene of `size` x `size` pixels. */
export function makeScene(size: number, random: Random): Scene {
  const light = drawLight(size, random);
  const cells = Array.from({ length: 4 + random.below(4) }, () => drawCell(size, random));
  const fibres = Array.from({ length: 1 + random.below(3) }, () => drawFibre(size, random));
  const image = new Float32Array(size * size);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      // Cells that overlap do not add up: the brighter one is seen.
      let glow = 0;
      for (const cell of cells) {
        const { inside } = positionIn(cell, x, y);
        glow = Math.max(glow, cell.contrast / (1 + Math.exp(-inside / cell.blur)));
      }
      let value = light(x, y) + glow + noise * random.normal();
      for (const fibre of fibres) {
        const across = Math.cos(fibre.angle) * (y - fibre.y) - Math.sin(fibre.angle) * (x - fibre.x);
        value += fibre.brightness * Math.exp(-across * across);
      }
      image[y * size + x] = Math.min(1, Math.max(0, value));
    }
  }
  return { size, cells, image };
}
