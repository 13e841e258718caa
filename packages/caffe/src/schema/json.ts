import { descriptorOf } from './descriptors.js';
import type { FieldDescriptor } from './descriptors.js';
import type { AnyMessage } from './message.js';

/** A value of protobuf's JSON form. */
export type Json = boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

function valueToJson(field: FieldDescriptor, value: unknown): Json {
  if (field.message) return toJson(value as AnyMessage);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value));
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value as Json;
}

/**
 * A message in protobuf's JSON form with the schema's own field names: int64 as strings, infinities and NaN as strings,
 * bytes in base64, absent fields and empty lists left out. Unknown fields have no place in it.
 */
export function toJson(message: AnyMessage): { readonly [key: string]: Json } {
  const json: Record<string, Json> = {};
  const slots = message as unknown as Record<string, unknown>;
  for (const field of descriptorOf(message.$type).fields) {
    const value = Object.hasOwn(slots, field.name) ? slots[field.name] : undefined;
    if (value === undefined) continue;
    if (!field.repeated) json[field.name] = valueToJson(field, value);
    else {
      const items = Array.from(value as ArrayLike<unknown>, (item) => valueToJson(field, item));
      if (items.length > 0) json[field.name] = items;
    }
  }
  return json;
}
