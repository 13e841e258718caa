import { ByteReader } from './bytes.js';
import type { Entry } from './entry.js';
import { compareEntries, entryOf } from './entry.js';
import { logRecords } from './log.js';

/** A table that belongs to the database. */
export interface TableFile {
  readonly number: number;
  readonly size: number;
}

/** What belongs to a database, as its MANIFEST says. */
export interface Manifest {
  /** Tables by level. Those of level 0 overlap; in every other level they follow one another in the order given here. */
  readonly levels: readonly (readonly TableFile[])[];
  /** Logs from this number on are not in tables yet; so is the log of `previousLog`, where it is not 0. */
  readonly firstLog: number;
  readonly previousLog: number;
}

interface Placed extends TableFile {
  readonly level: number;
  readonly smallest: Entry;
}

/**
 * Reads a MANIFEST: a log of changes to the set of tables.
 * @throws RangeError for one that is corrupt, or of a database whose keys are not in the order of their bytes.
 */
export function parseManifest(bytes: Buffer): Manifest {
  const tables = new Map<number, Placed>();
  let firstLog: number | undefined;
  let previousLog = 0;
  for (const record of logRecords(bytes)) {
    const reader = new ByteReader(record);
    while (!reader.done) {
      const field = reader.varint();
      switch (field) {
        case 1: {
          const comparator = reader.prefixed().toString('latin1');
          if (comparator !== 'leveldb.BytewiseComparator') {
            throw new RangeError(`orders its keys by ${comparator}, expected leveldb.BytewiseComparator`);
          }
          break;
        }
        case 2:
          firstLog = reader.varint();
          break;
        case 3: // the next file number
        case 4: // the last sequence number
          reader.varint();
          break;
        case 5: // where the next compaction of a level begins
          reader.varint();
          reader.prefixed();
          break;
        case 6: {
          reader.varint();
          tables.delete(reader.varint());
          break;
        }
        case 7: {
          const level = reader.varint();
          const number = reader.varint();
          const size = reader.varint();
          const smallest = entryOf(reader.prefixed(), Buffer.alloc(0));
          reader.prefixed(); // the largest key
          tables.set(number, { level, number, size, smallest });
          break;
        }
        case 9:
          previousLog = reader.varint();
          break;
        default:
          throw new RangeError(`holds a field of unknown kind ${field}`);
      }
    }
  }
  if (firstLog === undefined) throw new RangeError('names no log');
  const levels: (Placed[] | undefined)[] = [];
  for (const table of tables.values()) (levels[table.level] ??= []).push(table);
  return {
    levels: Array.from(levels, (level = []) =>
      level.toSorted((a, b) => compareEntries(a.smallest, b.smallest)),
    ),
    firstLog,
    previousLog,
  };
}
