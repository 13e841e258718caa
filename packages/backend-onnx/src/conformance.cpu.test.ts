import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { onnx } from './index.js';

conformanceTests(onnx({ provider: 'cpu', threads: 1 }), { describe, it, afterAll });
