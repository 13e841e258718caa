import process from 'node:process';
import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, expect, it, test } from 'vitest';
import { onnx } from './index.js';
import { reasonToSkip } from './testing.js';

const providers = ['webgpu', 'cuda'] as const;
const reasons = await Promise.all(providers.map(reasonToSkip));

// A WebGPU adapter in software takes half a second for the shaders of one graph, minutes for the whole suite: every loss with its extremes
// here, and all of it with SOFTXENT_CONFORMANCE=full.
const full = process.env['SOFTXENT_CONFORMANCE'] === 'full';
const filter = /^[a-zA-Z]+: float32 (predictions, float32 targets|extremes)/;

describe.each(providers.filter((_, i) => reasons[i] === ''))('on %s', (provider) => {
  const options = provider === 'webgpu' && !full ? { filter } : {};
  conformanceTests(onnx({ provider }), { describe, it, afterAll }, options);
});

const missing = providers.flatMap((provider, i) => (reasons[i] === '' ? [] : [`${provider}${reasons[i]}`]));
if (!process.env['SOFTXENT_CHROMIUM'])
  missing.push('wasm and webgpu in Chromium (skipped: none found; set CHROME_PATH)');

test.skip.each(missing)('conformance on %s', () => expect.unreachable());
