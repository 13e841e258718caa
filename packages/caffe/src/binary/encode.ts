import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { FieldDescriptor } from '../schema/descriptors.js';
import { descriptorOf } from '../schema/descriptors.js';
import type { AnyMessage } from '../schema/message.js';
import { unknownFields } from '../schema/message.js';
import { MAX_MESSAGE_BYTES, tooLarge } from './decode.js';
import { encodeUtf8 } from './utf8.js';

/** A message as it goes to a file: chunks in order (the weights are not copied) and how long they are together. */
export interface EncodedMessage {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

type Slots = Record<string, unknown>;

/** Small values are gathered in a writer, large arrays stand between as they are. */
class Chunks {
  readonly list: Uint8Array[] = [];
  byteLength = 0;
  readonly writer = new BinaryWriter();

  flush(): void {
    this.add(this.writer.finish());
  }

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.list.push(bytes);
    this.byteLength += bytes.length;
  }
}

function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function writeValue(writer: BinaryWriter, field: FieldDescriptor, value: unknown): void {
  switch (field.type) {
    case 'bool':
      writer.bool(value as boolean);
      break;
    case 'int32':
      writer.int32(value as number);
      break;
    case 'uint32':
      writer.uint32(value as number);
      break;
    case 'int64':
      writer.int64(value as bigint);
      break;
    case 'float':
      writer.float(Math.fround(value as number));
      break;
    case 'double':
      writer.double(value as number);
      break;
    case 'string':
      writer.bytes(encodeUtf8(value as string));
      break;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      break;
    default: {
      const number = field.enum?.numberOf.get(value as string);
      if (number === undefined)
        throw new TypeError(
          `${field.name}: ${String(value)} is not one of ${field.enum?.name ?? 'its values'}`,
        );
      writer.int32(number);
    }
  }
}

function wireTypeOf(field: FieldDescriptor): WireType {
  if (field.type === 'float') return WireType.Bit32;
  if (field.type === 'double') return WireType.Bit64;
  return field.type === 'string' || field.type === 'bytes' ? WireType.LengthDelimited : WireType.Varint;
}

function writeFloats(chunks: Chunks, field: FieldDescriptor, array: Float32Array | Float64Array): void {
  if (array.length === 0) return;
  if (field.packed) {
    chunks.writer
      .tag(field.number, WireType.LengthDelimited)
      .uint32(Math.min(array.byteLength, MAX_MESSAGE_BYTES));
    chunks.flush();
    chunks.add(bytesOf(array));
    return;
  }
  for (const value of array) writeValue(chunks.writer.tag(field.number, wireTypeOf(field)), field, value);
}

function writeNested(chunks: Chunks, field: FieldDescriptor, message: AnyMessage): void {
  const inner = encode(message);
  chunks.writer
    .tag(field.number, WireType.LengthDelimited)
    .uint32(Math.min(inner.byteLength, MAX_MESSAGE_BYTES));
  chunks.flush();
  for (const chunk of inner.chunks) chunks.add(chunk);
}

function writeField(chunks: Chunks, field: FieldDescriptor, value: unknown): void {
  const { writer } = chunks;
  if (field.typedArray) writeFloats(chunks, field, value as Float32Array | Float64Array);
  else if (field.message) {
    for (const item of field.repeated ? (value as AnyMessage[]) : [value as AnyMessage])
      writeNested(chunks, field, item);
  } else if (field.packed) {
    const values = value as readonly unknown[];
    if (values.length === 0) return;
    writer.tag(field.number, WireType.LengthDelimited).fork();
    for (const item of values) writeValue(writer, field, item);
    writer.join();
  } else {
    for (const item of field.repeated ? (value as readonly unknown[]) : [value]) {
      writeValue(writer.tag(field.number, wireTypeOf(field)), field, item);
    }
  }
}

function encode(message: AnyMessage): EncodedMessage {
  const chunks = new Chunks();
  const slots = message as unknown as Slots;
  for (const field of descriptorOf(message.$type).fields) {
    const value = Object.hasOwn(slots, field.name) ? slots[field.name] : undefined;
    if (value !== undefined) writeField(chunks, field, value);
  }
  for (const field of unknownFields(message)) chunks.writer.raw(field.raw);
  chunks.flush();
  return { chunks: chunks.list, byteLength: chunks.byteLength };
}

/**
 * Encodes a message in protobuf's binary format, fields in ascending number, then the unknown fields that it was read
 * with. The chunks share memory with the message's typed arrays: write them before changing those.
 * @throws CaffeFormatError when the message would be longer than 2 GiB, naming `file`.
 */
export function encodeChunks(message: AnyMessage, file = `<${message.$type}>`): EncodedMessage {
  const encoded = encode(message);
  if (encoded.byteLength > MAX_MESSAGE_BYTES) throw tooLarge(file, encoded.byteLength);
  return encoded;
}

/** Encodes a message into one array of bytes; see {@link encodeChunks}. */
export function encodeMessage(message: AnyMessage, file?: string): Uint8Array {
  const { chunks, byteLength } = encodeChunks(message, file);
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
