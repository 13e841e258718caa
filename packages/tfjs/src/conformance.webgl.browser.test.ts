// oxlint-disable import/no-unassigned-import -- importing a backend registers it in TensorFlow.js
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import { conformInBrowser } from './testing.js';

// Every shape is another shader to compile, in software: seconds for a check of many shapes.
conformInBrowser(tf, 'webgl', /float32 predictions, float32 targets|float32 extremes|round|device/);
