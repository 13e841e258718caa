import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { cpu } from './index.js';

describe('generated code', () => {
  conformanceTests(cpu({ evaluation: 'generated' }), { describe, it, afterAll });
});

describe('closures', () => {
  conformanceTests(cpu({ evaluation: 'closures' }), { describe, it, afterAll });
});
