import { conformanceTests } from '@softxent/conformance';
import { afterAll, describe, it } from 'vitest';
import { backend } from './backend.js';

// `quick` tries each promise on fewer dtypes; leave it out for everything. A backend with threads or other settings adds
// them as `variants`, which have to give the same bits.
conformanceTests(backend(), { describe, it, afterAll }, { quick: true });
