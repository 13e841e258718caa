// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import { conformanceTests } from '@softxent/conformance';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, it } from 'vitest';
import { tfjs } from './index.js';

conformanceTests(tfjs(tf, { backend: 'cpu' }), { describe, it, afterAll });
