export { OnnxGraphError, probeProvider, type Provider } from './runtime/index.js';
