import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { softmaxCrossEntropy, sigmoidCrossEntropy } from '@softxent/core';
import { expect, test } from 'vitest';
import { exportLoss } from './index.js';
import { losses } from './testing.js';

/** A Python that has the module onnx: the one named by SOFTXENT_PYTHON, the path's, or Debian's own. */
function findPython(): string | undefined {
  return [process.env['SOFTXENT_PYTHON'], 'python3', '/usr/bin/python3'].find(
    (name) => name !== undefined && spawnSync(name, ['-c', 'import onnx']).status === 0,
  );
}

const python = findPython() ?? '';
const reason =
  python === '' ? ' (skipped: no Python with the module onnx; apt-get install python3-onnx)' : '';

test.skipIf(python === '')(
  `ONNX's own checker accepts every exported loss${reason}`,
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'softxent-check-'));
    try {
      const files: string[] = [];
      const shape = [3, 5, 7, 4];
      for (const [i, [, loss, prediction]] of losses.entries()) {
        const signature = {
          [prediction]: { dtype: 'float32', shape },
          targets: { dtype: 'float32', shape },
        } as const;
        for (const batch of ['fixed', 'dynamic'] as const) {
          const file = path.join(folder, `${i}-${batch}.onnx`);
          await exportLoss(file, loss, signature, { batch, gradients: [prediction, 'targets'] });
          files.push(file);
        }
      }
      const full = {
        logits: { dtype: 'float16', shape },
        targets: { dtype: 'uint8', shape },
        weights: { dtype: 'float32', shape: [7, 1] },
        mask: { dtype: 'uint8', shape: [3, 1, 1, 4] },
      } as const;
      for (const [name, loss] of Object.entries({
        sigmoid: sigmoidCrossEntropy({ reduction: 'mean-weight', validate: 'count' }),
        softmax: softmaxCrossEntropy({ reduction: 'mean-valid', validate: 'count', ignoreValue: 255 }),
      })) {
        const file = path.join(folder, `${name}.onnx`);
        await exportLoss(file, loss, full, { batch: 'dynamic' });
        files.push(file);
      }
      const script = fileURLToPath(new URL('../scripts/check-onnx.py', import.meta.url));
      const { status, stdout, stderr } = spawnSync(python, [script, ...files], { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(status).toBe(0);
      expect(stdout.trim().split('\n').length).toBe(files.length);
      expect(stdout).toContain('logits: float16[batch, 5, 7, 4]');
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
