import type { FieldDescriptor } from '../schema/descriptors.js';
import { descriptorOf } from '../schema/descriptors.js';
import type { AnyMessage } from '../schema/message.js';
import { unknownFields } from '../schema/message.js';
import { formatDouble, formatFloat } from './numbers.js';
import { quote } from './strings.js';

/** How to print a message. */
export interface PrintTextOptions {
  /** Leave UTF-8 text in strings as it is instead of writing its bytes in octal. */
  readonly utf8?: boolean;
  /** Leave out the values of blobs (their shapes stay): what a person wants to read. */
  readonly withoutBlobData?: boolean;
}

function printScalar(field: FieldDescriptor, value: unknown, utf8: boolean): string {
  switch (field.type) {
    case 'float':
      return formatFloat(value as number);
    case 'double':
      return formatDouble(value as number);
    case 'string':
    case 'bytes':
      return quote(value as string | Uint8Array, utf8);
    default:
      return String(value);
  }
}

function printMessage(out: string[], message: AnyMessage, indent: string, options: PrintTextOptions): void {
  const slots = message as unknown as Record<string, unknown>;
  for (const field of descriptorOf(message.$type).fields) {
    const value = Object.hasOwn(slots, field.name) ? slots[field.name] : undefined;
    if (value === undefined) continue;
    const items = field.repeated ? (value as ArrayLike<unknown>) : [value];
    if (options.withoutBlobData === true && field.typedArray) {
      out.push(`${indent}# ${field.name}: ${items.length} values\n`);
      continue;
    }
    for (let i = 0; i < items.length; i++) {
      if (field.message) {
        out.push(`${indent}${field.name} {\n`);
        printMessage(out, items[i] as AnyMessage, `${indent}  `, options);
        out.push(`${indent}}\n`);
      } else out.push(`${indent}${field.name}: ${printScalar(field, items[i], options.utf8 ?? false)}\n`);
    }
  }
  for (const field of unknownFields(message)) {
    out.push(
      `${indent}# a field that the schema does not know: number ${field.number}, ${field.raw.length} bytes\n`,
    );
  }
}

/**
 * Prints a message in protobuf's text format, as C++ prints it: fields in ascending number, two spaces a level. Reading
 * it back gives an equal message. Text has no place for unknown fields: a comment says where they were.
 */
export function printText(message: AnyMessage, options: PrintTextOptions = {}): string {
  const out: string[] = [];
  printMessage(out, message, '', options);
  return out.join('');
}
