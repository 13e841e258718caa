import type { MessageDescriptor } from '../schema/descriptors.js';
import { descriptorOf, messageNames } from '../schema/descriptors.js';

/** The number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** The known name that a misspelt one most likely means, if any is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll('_', '');
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = plain(candidate) === plain(name) ? 0 : editDistance(name, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Where else the schema has a field of that name: in a message inside this one, or at the top of another kind of file. */
function elsewhere(descriptor: MessageDescriptor, name: string): string | undefined {
  for (const field of descriptor.fields) {
    if (field.message && descriptorOf(field.message).byName.has(name))
      return `it belongs inside ${field.name} { }`;
  }
  for (const other of messageNames) {
    if (other !== descriptor.name && descriptorOf(other).byName.has(name)) return `it is a field of ${other}`;
  }
  return undefined;
}

/** What to say about a field that a message does not have. */
export function unknownFieldHint(descriptor: MessageDescriptor, name: string): string {
  const near = nearest(name, descriptor.byName.keys());
  const other = near === undefined ? elsewhere(descriptor, name) : undefined;
  const guess = near !== undefined ? `; did you mean ${near}?` : other !== undefined ? `; ${other}` : '';
  return `${guess} (fields of ${descriptor.fullName}: ${[...descriptor.byName.keys()].join(', ')})`;
}

/** What to say about a value that an enum does not have. */
export function unknownValueHint(value: string, known: readonly string[]): string {
  const near = nearest(value, known);
  return `${near === undefined ? '' : `; did you mean ${near}?`} (values: ${known.join(', ')})`;
}
