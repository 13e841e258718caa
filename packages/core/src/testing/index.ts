/** For tests of what builds on core: `@softxent/core/testing`. */
export { evaluate, plainBackend } from './plain-backend.js';
