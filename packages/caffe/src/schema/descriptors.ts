import type { MessageTypes } from './messages.js';
import { ENUMS, MESSAGES } from './table.js';

/** The name of a message of Caffe's schema, without the package: `NetParameter`. */
export type MessageName = keyof MessageTypes;

/** What a field holds. */
export type FieldType =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'enum'
  | 'float'
  | 'int32'
  | 'int64'
  | 'message'
  | 'string'
  | 'uint32';

/** An enum of the schema: names and numbers in both directions. */
export interface EnumDescriptor {
  readonly name: string;
  readonly numberOf: ReadonlyMap<string, number>;
  readonly nameOf: ReadonlyMap<number, string>;
}

/** A field of a message, as the schema declares it. */
export interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly type: FieldType;
  readonly repeated: boolean;
  readonly required: boolean;
  /** Whether a repeated number is written packed (both forms are read). */
  readonly packed: boolean;
  /** Whether the values live in a Float32Array or Float64Array: the weights. */
  readonly typedArray: boolean;
  /** The type of a `message` field. */
  readonly message: MessageName | undefined;
  /** The type of an `enum` field. */
  readonly enum: EnumDescriptor | undefined;
  /** What an absent singular field reads as (proto2 default); undefined for messages and repeated fields. */
  readonly defaultValue: string | number | boolean | bigint | Uint8Array | undefined;
}

/** A message of the schema. */
export interface MessageDescriptor {
  readonly name: MessageName;
  /** With the package, as protobuf's own messages name it: `caffe.NetParameter`. */
  readonly fullName: string;
  /** In ascending field number, the order of the wire and of printed text. */
  readonly fields: readonly FieldDescriptor[];
  readonly byName: ReadonlyMap<string, FieldDescriptor>;
  readonly byNumber: ReadonlyMap<number, FieldDescriptor>;
}

const enums = new Map<string, EnumDescriptor>();
for (const [name, values] of Object.entries(ENUMS)) {
  const entries = Object.entries(values);
  enums.set(name, {
    name,
    numberOf: new Map(entries),
    nameOf: new Map(entries.map(([key, number]) => [number, key])),
  });
}

function defaultOf(
  type: FieldType,
  given: string | number | boolean | undefined,
  of: EnumDescriptor | undefined,
) {
  switch (type) {
    case 'message':
      return undefined;
    case 'bytes':
      return new Uint8Array(0);
    case 'int64':
      return BigInt(given ?? 0);
    case 'string':
      return given ?? '';
    case 'bool':
      return given ?? false;
    case 'enum':
      return given ?? of?.numberOf.keys().next().value;
    default:
      return given ?? 0;
  }
}

function parseField(line: string): FieldDescriptor {
  const [number, name, label, kind, ...rest] = line.split(' ');
  if (number === undefined || name === undefined || label === undefined || kind === undefined) {
    throw new Error(`schema table: ${line}`);
  }
  const message = kind.startsWith(':') ? (kind.slice(1) as MessageName) : undefined;
  const enumOf = kind.startsWith('=') ? enums.get(kind.slice(1)) : undefined;
  const type = (message ? 'message' : enumOf ? 'enum' : kind.replace('[]', '')) as FieldType;
  const repeated = label === 'r' || label === 'p';
  const given = rest.length > 0 ? (JSON.parse(rest.join(' ')) as string | number | boolean) : undefined;
  return {
    name,
    number: Number(number),
    type,
    repeated,
    required: label === 'q',
    packed: label === 'p',
    typedArray: kind.endsWith('[]'),
    message,
    enum: enumOf,
    defaultValue: repeated ? undefined : defaultOf(type, given, enumOf),
  };
}

const descriptors = new Map<string, MessageDescriptor>();
for (const [name, lines] of Object.entries(MESSAGES)) {
  const fields = lines
    .trim()
    .split('\n')
    .map((line) => parseField(line.trim()));
  fields.sort((a, b) => a.number - b.number);
  descriptors.set(name, {
    name: name as MessageName,
    fullName: `caffe.${name}`,
    fields,
    byName: new Map(fields.map((field) => [field.name, field])),
    byNumber: new Map(fields.map((field) => [field.number, field])),
  });
}

/** The names of every message of the schema. */
export const messageNames: readonly MessageName[] = [...descriptors.keys()] as MessageName[];

/** The descriptor of a message type. */
export function descriptorOf(name: MessageName): MessageDescriptor {
  const descriptor = descriptors.get(name);
  if (!descriptor) throw new TypeError(`Caffe's schema has no message ${String(name)}`);
  return descriptor;
}
