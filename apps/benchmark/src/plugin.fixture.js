// A backend of a user's: the CPU backend under another name.
import { cpu } from '@softxent/backend-cpu';
import { BackendUnavailableError } from '@softxent/core';

export const backend = ({ evaluation } = {}) => ({
  ...cpu(evaluation === undefined ? {} : { evaluation }),
  name: 'mine',
});

export const missing = {
  name: 'missing',
  open() {
    throw new BackendUnavailableError('missing', 'there is no such device');
  },
};
