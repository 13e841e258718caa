export { cpu, type CpuOptions } from './backend.js';
