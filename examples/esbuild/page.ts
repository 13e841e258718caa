/** A page that computes on two threads. */
import { open, wasm } from 'softxent';
import { describe, fit } from '../web/fit.js';

const output = document.querySelector('#result') as HTMLOutputElement;
try {
  await using session = await open(wasm({ threads: 2 }));
  output.value = describe(session.description, await fit(session, 200));
} catch (error) {
  output.value = String(error);
}
