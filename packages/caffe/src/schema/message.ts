import type { FieldDescriptor, MessageName } from './descriptors.js';
import { descriptorOf } from './descriptors.js';
import type { MessageTypes } from './messages.js';

/** What every message has in common. */
export interface MessageBase<N extends string = string> {
  /** The message's type in Caffe's schema. */
  readonly $type: N;
}

/** Where a message was read from: the text file, and the line and column (from 1) of its field name. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A field that the schema does not know, exactly as it stood in the file, its tag included. */
export interface UnknownField {
  readonly number: number;
  readonly raw: Uint8Array;
}

type InitValue<V> = V extends Float32Array | Float64Array
  ? V | readonly number[]
  : V extends Uint8Array
    ? V
    : V extends readonly (infer E)[]
      ? readonly InitValue<E>[]
      : V extends bigint
        ? bigint | number
        : V extends MessageBase
          ? V | MessageInit<V>
          : V;

/** The fields to set on a new message; nested messages may be given as plain objects. */
export type MessageInit<T> = { readonly [K in Exclude<keyof T, '$type'>]?: InitValue<T[K]> };

/** Any message of the schema. */
export type AnyMessage = MessageTypes[MessageName];

type Slots = Record<string, unknown>;

const unknown = new WeakMap<object, UnknownField[]>();
const sources = new WeakMap<object, SourcePosition>();
const prototypes = new Map<MessageName, object>();
const defaults = new Map<MessageName, AnyMessage>();
const none: readonly never[] = Object.freeze([]);
const noFloats = new Float32Array(0);
const noDoubles = new Float64Array(0);

function absentValue(field: FieldDescriptor): unknown {
  if (!field.repeated) return field.defaultValue;
  return field.typedArray ? (field.type === 'double' ? noDoubles : noFloats) : none;
}

/** The prototype holds what an absent field reads as; a field that is set is an own property. */
function prototypeOf(name: MessageName): object {
  let prototype = prototypes.get(name);
  if (prototype) return prototype;
  prototype = {};
  Object.defineProperty(prototype, '$type', { value: name });
  for (const field of descriptorOf(name).fields) {
    const { message } = field;
    if (message && !field.repeated) {
      Object.defineProperty(prototype, field.name, {
        get: () => defaultInstance(message),
        set(this: object, value: unknown) {
          Object.defineProperty(this, field.name, {
            value,
            writable: true,
            enumerable: true,
            configurable: true,
          });
        },
      });
    } else {
      Object.defineProperty(prototype, field.name, { value: absentValue(field), writable: true });
    }
  }
  prototypes.set(name, prototype);
  return prototype;
}

function defaultInstance(name: MessageName): AnyMessage {
  let instance = defaults.get(name);
  if (!instance) {
    instance = Object.freeze(emptyMessage(name));
    defaults.set(name, instance);
  }
  return instance;
}

/** A message with nothing set. */
export function emptyMessage<N extends MessageName>(name: N): MessageTypes[N] {
  return Object.create(prototypeOf(name)) as MessageTypes[N];
}

function fromInit(field: FieldDescriptor, value: unknown): unknown {
  if (field.message)
    return isMessage(value) ? value : create(field.message, value as MessageInit<AnyMessage>);
  if (field.type === 'int64') return BigInt(value as number | bigint);
  return value;
}

/**
 * Makes a message. Fields left out stay absent: they read as their proto2 default (a repeated field as an empty list, a
 * message as a frozen empty message) and `has` tells them apart.
 * @throws TypeError for a field that the message type does not have.
 */
export function create<N extends MessageName>(
  name: N,
  init: MessageInit<MessageTypes[N]> = {},
): MessageTypes[N] {
  const message = emptyMessage(name);
  const slots = message as unknown as Slots;
  const { byName } = descriptorOf(name);
  for (const [key, value] of Object.entries(init)) {
    if (value === undefined) continue;
    const field = byName.get(key);
    if (!field) throw new TypeError(`caffe.${name} has no field ${key}`);
    if (!field.repeated) slots[key] = fromInit(field, value);
    else if (field.type === 'double' && field.typedArray)
      slots[key] = Float64Array.from(value as Iterable<number>);
    else if (field.typedArray)
      slots[key] = value instanceof Float32Array ? value : Float32Array.from(value as Iterable<number>);
    else slots[key] = (value as readonly unknown[]).map((item) => fromInit(field, item));
  }
  return message;
}

/** Whether a value is a message made by this package. */
export function isMessage(value: unknown): value is AnyMessage {
  return typeof value === 'object' && value !== null && '$type' in value;
}

/** Whether a field is set (for a repeated field: whether it holds anything). */
export function has<T extends AnyMessage>(message: T, field: Exclude<keyof T, '$type'>): boolean {
  if (!Object.hasOwn(message, field)) return false;
  const value = message[field];
  return Array.isArray(value) || value instanceof Float32Array || value instanceof Float64Array
    ? value.length > 0
    : value !== undefined;
}

/** Unsets a field, so that it reads as its default again. */
export function clear<T extends AnyMessage>(message: T, field: Exclude<keyof T, '$type'>): void {
  delete (message as Record<keyof T, unknown>)[field];
}

/** The message of a singular field, made and set first where it is absent (protobuf's `mutable_x`). */
export function mutable<T extends AnyMessage, K extends Exclude<keyof T, '$type'>>(
  message: T,
  field: K,
): T[K] {
  if (!has(message, field)) {
    const type = descriptorOf(message.$type).byName.get(field as string)?.message;
    if (!type) throw new TypeError(`caffe.${message.$type}.${String(field)} is not a message`);
    message[field] = emptyMessage(type) as T[K];
  }
  return message[field];
}

/** A deep copy with unknown fields and source positions. Typed arrays (weights, bytes) are shared, not copied. */
export function clone<T extends AnyMessage>(message: T): T {
  const copy = emptyMessage(message.$type) as unknown as Slots;
  for (const [key, value] of Object.entries(message)) {
    if (Array.isArray(value))
      copy[key] = value.map((item: unknown) => (isMessage(item) ? clone(item) : item));
    else copy[key] = isMessage(value) ? clone(value) : value;
  }
  const extra = unknown.get(message);
  if (extra) unknown.set(copy, [...extra]);
  const source = sources.get(message);
  if (source) sources.set(copy, source);
  return copy as unknown as T;
}

/** The fields of a binary message that the schema does not know, in the order of the file. They are written back. */
export function unknownFields(message: AnyMessage): readonly UnknownField[] {
  return unknown.get(message) ?? none;
}

/** Adds a field that the schema does not know. */
export function addUnknownField(message: AnyMessage, field: UnknownField): void {
  const list = unknown.get(message);
  if (list) list.push(field);
  else unknown.set(message, [field]);
}

/** Where a message stood in a text file; undefined for messages that were not read from text. */
export function sourceOf(message: AnyMessage): SourcePosition | undefined {
  return sources.get(message);
}

/** Notes where a message came from. */
export function setSource(message: AnyMessage, source: SourcePosition | undefined): void {
  if (source) sources.set(message, source);
}
