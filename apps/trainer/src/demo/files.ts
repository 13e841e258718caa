import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random, writeBytes } from '@softxent/caffe';
import { encode } from 'fast-png';
import { scene } from './scene.js';

const SIZE = 72;

/** Makes the data and puts the net, the solver and the first weights beside them. */
export async function writeDemo(folder: string, train: number, test: number): Promise<void> {
  const parts = [
    ['train', train],
    ['test', test],
  ] as const;
  for (const [part, count] of parts) {
    const random = new Random(2026, part === 'train' ? 0 : 1);
    for (const kind of ['images', 'soft']) await mkdir(join(folder, 'data', part, kind), { recursive: true });
    for (let i = 0; i < count; i++) {
      const { size, image, label } = scene(random, SIZE);
      const name = `${String(i).padStart(3, '0')}.png`;
      const common = { width: size, height: size, depth: 8 } as const;
      await writeBytes(join(folder, 'data', part, 'images', name), [
        encode({ ...common, channels: 3, data: image }),
      ]);
      await writeBytes(join(folder, 'data', part, 'soft', name), [
        encode({ ...common, channels: 1, data: label }),
      ]);
    }
  }
  for (const name of ['net.prototxt', 'solver.prototxt', 'initial.caffemodel']) {
    await cp(fileURLToPath(new URL(`../../demo/${name}`, import.meta.url)), join(folder, name));
  }
}
