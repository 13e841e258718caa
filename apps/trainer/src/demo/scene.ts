/** Images that the program makes, with labels that several made-up annotators disagree on. */
import type { Random } from '@softxent/caffe';

/** An image of bytes (red, green, blue) and the share of annotators, as a grey level, who marked each pixel. */
export interface Scene {
  readonly size: number;
  readonly image: Uint8Array;
  readonly label: Uint8Array;
}

const ANNOTATORS = 5;

interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly angle: number;
  readonly colour: readonly number[];
  /** How well it stands out: faint ones are missed by some. */
  readonly contrast: number;
}

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform();

function ellipse(random: Random, size: number): Ellipse {
  const contrast = between(random, 0.35, 1);
  return {
    x: between(random, 0.15, 0.85) * size,
    y: between(random, 0.15, 0.85) * size,
    a: between(random, 0.08, 0.22) * size,
    b: between(random, 0.08, 0.22) * size,
    angle: between(random, 0, Math.PI),
    colour: [150 + 90 * random.uniform(), 90 + 90 * random.uniform(), 30 + 60 * random.uniform()],
    contrast,
  };
}

const inside = ({ x, y, a, b, angle }: Ellipse, px: number, py: number): boolean => {
  const [dx, dy] = [px - x, py - y];
  const u = (dx * Math.cos(angle) + dy * Math.sin(angle)) / a;
  const v = (dy * Math.cos(angle) - dx * Math.sin(angle)) / b;
  return u * u + v * v <= 1;
};

/** What one annotator draws: every outline a little off, faint objects now and then not at all. */
function drawn(objects: readonly Ellipse[], random: Random): Ellipse[] {
  return objects
    .filter(({ contrast }) => random.uniform() < 0.35 + contrast)
    .map((object) => {
      const stretch = between(random, 0.88, 1.12);
      return {
        ...object,
        x: object.x + random.normal(),
        y: object.y + random.normal(),
        a: object.a * stretch,
        b: object.b * stretch,
      };
    });
}

/** A scene of warm ellipses on a cool, noisy ground. */
export function scene(random: Random, size: number): Scene {
  const objects = Array.from({ length: 2 + random.integer(3) }, () => ellipse(random, size));
  const ground = [50 + 40 * random.uniform(), 80 + 50 * random.uniform(), 110 + 70 * random.uniform()];
  const [slopeX, slopeY] = [between(random, -40, 40), between(random, -40, 40)];
  const image = new Uint8Array(3 * size * size);
  const marks = new Uint8Array(size * size);
  for (let i = 0; i < size * size; i++) {
    const [x, y] = [i % size, Math.floor(i / size)];
    const shade = slopeX * (x / size - 0.5) + slopeY * (y / size - 0.5);
    const object = objects.findLast((each) => inside(each, x, y));
    for (let c = 0; c < 3; c++) {
      const bare = ground[c]!;
      const value = object ? bare + object.contrast * (object.colour[c]! - bare) : bare;
      image[3 * i + c] = Math.min(255, Math.max(0, Math.round(value + shade + 14 * random.normal())));
    }
  }
  for (let annotator = 0; annotator < ANNOTATORS; annotator++) {
    const outlines = drawn(objects, random);
    for (let i = 0; i < marks.length; i++) {
      if (outlines.some((each) => inside(each, i % size, Math.floor(i / size)))) marks[i]!++;
    }
  }
  return { size, image, label: marks.map((count) => Math.round((255 * count) / ANNOTATORS)) };
}
