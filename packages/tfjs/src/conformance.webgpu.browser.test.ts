// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { conformInBrowser } from './testing.js';

conformInBrowser(tf, 'webgpu');
