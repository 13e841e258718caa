import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { CaffeFormatError } from '../errors.js';
import type { FieldDescriptor, MessageName } from '../schema/descriptors.js';
import { descriptorOf } from '../schema/descriptors.js';
import type { AnyMessage } from '../schema/message.js';
import { addUnknownField, emptyMessage } from '../schema/message.js';
import type { MessageTypes } from '../schema/messages.js';
import { decodeUtf8 } from './utf8.js';

/** How to read a binary message. */
export interface DecodeOptions {
  /** The name to use in errors; `<NetParameter>` for want of another. */
  readonly file?: string;
  /** Told what is odd but not wrong. */
  readonly onWarning?: (message: string) => void;
}

type Slots = Record<string, unknown>;

interface Context {
  readonly file: string;
  readonly onWarning: (message: string) => void;
  /** Blobs write their floats here until the message is complete: one array, not one per chunk. */
  readonly pending: Map<object, Map<FieldDescriptor, Uint8Array[]>>;
  /** Where in the message the reader is, for errors. */
  readonly path: string[];
  at: number;
}

/** A stretch of the file that holds one message. */
interface Stretch {
  readonly reader: BinaryReader;
  readonly bytes: Uint8Array;
  /** The file's offset of its first byte. */
  readonly base: number;
}

const wireTypeOf = {
  bool: WireType.Varint,
  int32: WireType.Varint,
  uint32: WireType.Varint,
  int64: WireType.Varint,
  enum: WireType.Varint,
  float: WireType.Bit32,
  double: WireType.Bit64,
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  message: WireType.LengthDelimited,
} as const;

function readScalar(reader: BinaryReader, field: FieldDescriptor): unknown {
  switch (field.type) {
    case 'bool':
      return reader.bool();
    case 'int32':
    case 'enum':
      return reader.int32();
    case 'uint32':
      return reader.uint32();
    case 'int64':
      return BigInt(reader.int64());
    case 'float':
      need(reader, 4);
      return reader.float();
    case 'double':
      need(reader, 8);
      return reader.double();
    case 'string':
      return decodeUtf8(reader.bytes());
    default:
      return reader.bytes().slice();
  }
}

function need(reader: BinaryReader, bytes: number): void {
  if (reader.pos + bytes > reader.len) throw new RangeError('premature EOF');
}

function store(message: AnyMessage, field: FieldDescriptor, value: unknown, raw: () => Uint8Array): void {
  const slots = message as unknown as Slots;
  let stored = value;
  if (field.enum) {
    // As proto2 does: a value that the enum does not have is an unknown field.
    stored = field.enum.nameOf.get(value as number);
    if (stored === undefined) {
      addUnknownField(message, { number: field.number, raw: raw() });
      return;
    }
  }
  if (!field.repeated) slots[field.name] = stored;
  else if (Object.hasOwn(slots, field.name)) (slots[field.name] as unknown[]).push(stored);
  else slots[field.name] = [stored];
}

/** An enum value inside a packed list that the enum does not have, as a field of its own. */
function unpackedVarint(number: number, value: number): Uint8Array {
  const bytes: number[] = [];
  for (let tag = number * 8; ; tag = Math.floor(tag / 128)) {
    bytes.push(tag > 127 ? (tag % 128) | 128 : tag);
    if (tag <= 127) break;
  }
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    if (rest <= 127n) break;
  }
  return Uint8Array.from(bytes);
}

function addFloats(context: Context, message: AnyMessage, field: FieldDescriptor, bytes: Uint8Array): void {
  let fields = context.pending.get(message);
  if (!fields) context.pending.set(message, (fields = new Map()));
  const chunks = fields.get(field);
  if (chunks) chunks.push(bytes);
  else fields.set(field, [bytes]);
}

/** Copies the bytes of a repeated float or double field into one typed array (files are little-endian, as is every platform of Node). */
function settleFloats(context: Context, message: AnyMessage): void {
  const fields = context.pending.get(message);
  if (!fields) return;
  for (const [field, chunks] of fields) {
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    const array = field.type === 'double' ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
    (message as unknown as Slots)[field.name] = array;
  }
  context.pending.delete(message);
}

function readField(
  context: Context,
  { reader, bytes, base }: Stretch,
  message: AnyMessage,
  field: FieldDescriptor,
  wireType: WireType,
  start: number,
): boolean {
  const expected: WireType = wireTypeOf[field.type];
  const raw = () => bytes.slice(start, reader.pos);
  if (wireType === expected) {
    if (field.message) {
      const inner = reader.bytes();
      readMessageField(context, message, field, inner, base + reader.pos - inner.length);
    } else if (field.typedArray) {
      const size = field.type === 'double' ? 8 : 4;
      need(reader, size);
      addFloats(context, message, field, bytes.subarray(reader.pos, reader.pos + size));
      reader.pos += size;
    } else store(message, field, readScalar(reader, field), raw);
    return true;
  }
  // A repeated number may be packed or not, whatever the schema says.
  if (!field.repeated || wireType !== WireType.LengthDelimited) return false;
  const list = reader.bytes();
  if (field.typedArray) {
    if (list.length % (field.type === 'double' ? 8 : 4) !== 0)
      throw new RangeError('a packed list that ends within a number');
    addFloats(context, message, field, list);
    return true;
  }
  const packed = new BinaryReader(list);
  while (packed.pos < packed.len) {
    const value = readScalar(packed, field);
    store(message, field, value, () => unpackedVarint(field.number, value as number));
  }
  return true;
}

function readMessageField(
  context: Context,
  message: AnyMessage,
  field: FieldDescriptor,
  bytes: Uint8Array,
  base: number,
): void {
  const slots = message as unknown as Slots;
  const name = field.message as MessageName;
  const list = field.repeated ? ((slots[field.name] as unknown[] | undefined) ?? []) : undefined;
  context.path.push(list ? `${field.name}[${list.length}]` : field.name);
  // A singular message that comes twice is merged, as protobuf does.
  const inner =
    !field.repeated && Object.hasOwn(slots, field.name)
      ? (slots[field.name] as AnyMessage)
      : emptyMessage(name);
  readMessage(context, { reader: new BinaryReader(bytes), bytes, base }, inner, false);
  if (field.repeated) store(message, field, inner, () => bytes);
  else slots[field.name] = inner;
  context.path.pop();
}

function readMessage(context: Context, stretch: Stretch, message: AnyMessage, top: boolean): void {
  const { reader, bytes, base } = stretch;
  const { byNumber } = descriptorOf(message.$type);
  const depth = context.path.length;
  while (reader.pos < reader.len) {
    const start = reader.pos;
    context.at = base + start;
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) {
      if (!top) throw new RangeError(`a group ends that did not begin (field ${number})`);
      context.onWarning(
        `${context.file}: an end-group tag at byte ${start} ends the message; the ${reader.len - reader.pos} bytes after it are ignored, as Caffe ignores them`,
      );
      break;
    }
    const field = byNumber.get(number);
    if (field) context.path.push(field.name);
    if (!field || !readField(context, stretch, message, field, wireType, start)) {
      const value = reader.skip(wireType, number);
      if (wireType === WireType.Varint && value.length > 10)
        throw new RangeError('a number of more than 10 bytes');
      addUnknownField(message, { number, raw: bytes.slice(start, reader.pos) });
    }
    context.path.length = depth;
  }
  settleFloats(context, message);
}

/** The required fields that a message lacks, as paths: `layer[0].clip_param.min`. */
export function missingRequired(message: AnyMessage, prefix = ''): string[] {
  const missing: string[] = [];
  const slots = message as unknown as Slots;
  for (const field of descriptorOf(message.$type).fields) {
    if (!Object.hasOwn(slots, field.name)) {
      if (field.required) missing.push(`${prefix}${field.name}`);
    } else if (field.message && field.repeated) {
      for (const [index, item] of (slots[field.name] as AnyMessage[]).entries()) {
        missing.push(...missingRequired(item, `${prefix}${field.name}[${index}].`));
      }
    } else if (field.message)
      missing.push(...missingRequired(slots[field.name] as AnyMessage, `${prefix}${field.name}.`));
  }
  return missing;
}

/** The longest message that protobuf (and so Caffe) reads or writes: 2 GiB - 1. */
export const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

/**
 * Decodes a binary protobuf message of Caffe's schema. Weights become Float32Array (Float64Array for `double_data`), fields
 * that the schema does not know are kept and written back by `encodeMessage`. What protobuf's C++ accepts is accepted, but for
 * files that go on in zeros or with tags beyond 32 bits: C++ reads those as an early end, here they are corrupt.
 * @throws CaffeFormatError when the bytes are truncated, corrupt, longer than 2 GiB or lack required fields.
 */
export function decodeMessage<N extends MessageName>(
  name: N,
  bytes: Uint8Array,
  options: DecodeOptions = {},
): MessageTypes[N] {
  const file = options.file ?? `<${name}>`;
  if (bytes.length > MAX_MESSAGE_BYTES) throw tooLarge(file, bytes.length);
  const message = emptyMessage(name);
  const context: Context = {
    file,
    onWarning: options.onWarning ?? (() => {}),
    pending: new Map(),
    path: [],
    at: 0,
  };
  try {
    readMessage(context, { reader: new BinaryReader(bytes), bytes, base: 0 }, message, true);
  } catch (cause) {
    const where = context.path.length > 0 ? ` in ${context.path.join('.')}` : '';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaffeFormatError(
      file,
      `not a ${name} in protobuf's binary format, or truncated or corrupt (${bytes.length} bytes; reading failed in the field that begins at byte ${context.at}${where}: ${why})`,
      { cause },
    );
  }
  const missing = missingRequired(message);
  if (missing.length > 0)
    throw new CaffeFormatError(file, `the ${name} lacks required fields: ${missing.join(', ')}`);
  return message;
}

/** The refusal of a message that protobuf could not hold. */
export function tooLarge(file: string, bytes: number): CaffeFormatError {
  return new CaffeFormatError(
    file,
    `${bytes} bytes; a protobuf message holds at most ${MAX_MESSAGE_BYTES} (2 GiB): Caffe cannot read this file either, use the HDF5 format (snapshot_format: HDF5)`,
  );
}
