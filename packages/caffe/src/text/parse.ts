import { missingRequired } from '../binary/decode.js';
import { decodeUtf8 } from '../binary/utf8.js';
import type { TextProblem } from '../errors.js';
import { CaffeTextError } from '../errors.js';
import type { FieldDescriptor, MessageName } from '../schema/descriptors.js';
import { descriptorOf } from '../schema/descriptors.js';
import type { AnyMessage } from '../schema/message.js';
import { emptyMessage, setSource } from '../schema/message.js';
import type { MessageTypes } from '../schema/messages.js';
import { unknownFieldHint, unknownValueHint } from './hints.js';
import { isOctalOrHex, parseFloatToken, parseInteger } from './numbers.js';
import { stringOf, unquote } from './strings.js';
import { Tokenizer } from './tokenizer.js';

/** How to read a text message. */
export interface ParseTextOptions {
  /** The name to use in errors and in source positions; `<text>` for want of another. */
  readonly file?: string;
}

type Slots = Record<string, unknown>;

const MAX_INT32 = 2n ** 31n - 1n;
const MAX_UINT32 = 2n ** 32n - 1n;
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** Thrown to leave the parser; the problem is already noted. */
class Stop extends Error {}

class Parser {
  readonly problems: TextProblem[] = [];
  private readonly tokens: Tokenizer;

  constructor(
    bytes: Uint8Array,
    private readonly file: string,
  ) {
    this.tokens = new Tokenizer(bytes, (line, column, message) => this.note(line, column, message));
  }

  private note(line: number, column: number, message: string): void {
    this.problems.push({ line: line + 1, column: column + 1, message });
  }

  /** Notes a problem at the current token, where protobuf reports it, and leaves. */
  private fail(message: string): never {
    const { line, column } = this.tokens.current;
    this.note(line, column, message);
    throw new Stop();
  }

  /** The current token as an error shows it. */
  private get found(): string {
    const { type, start, end } = this.tokens.current;
    return type === 'end' ? 'the end of the file' : decodeUtf8(this.tokens.bytes.subarray(start, end));
  }

  private looksAt(text: string): boolean {
    const { type } = this.tokens.current;
    return (type === 'symbol' || type === 'identifier') && this.tokens.text === text;
  }

  private tryTake(text: string): boolean {
    if (!this.looksAt(text)) return false;
    this.tokens.next();
    return true;
  }

  private take(text: string): void {
    if (!this.tryTake(text)) this.fail(`expected "${text}", found ${this.found}`);
  }

  private identifier(): string {
    if (this.tokens.current.type !== 'identifier') this.fail(`expected a field name, found ${this.found}`);
    const { text } = this.tokens;
    this.tokens.next();
    return text;
  }

  run(message: AnyMessage): void {
    this.tokens.next();
    while (this.tokens.current.type !== 'end') this.field(message);
    settle(message);
  }

  private fieldDescriptor(message: AnyMessage): FieldDescriptor {
    const descriptor = descriptorOf(message.$type);
    if (this.tryTake('[')) {
      let name = this.identifier();
      while (this.tryTake('.')) name += `.${this.identifier()}`;
      this.take(']');
      this.fail(`${descriptor.fullName} has no extension "${name}"; Caffe's schema has none at all`);
    }
    const name = this.identifier();
    const field = descriptor.byName.get(name);
    if (!field)
      this.fail(`${descriptor.fullName} has no field "${name}"${unknownFieldHint(descriptor, name)}`);
    if (!field.repeated && Object.hasOwn(message, name)) {
      this.fail(`${descriptor.fullName} takes one "${name}" only, here is a second`);
    }
    return field;
  }

  private field(message: AnyMessage): void {
    const { line, column } = this.tokens.current;
    const source = { file: this.file, line: line + 1, column: column + 1 };
    const field = this.fieldDescriptor(message);
    if (field.message) this.tryTake(':');
    else this.take(':');
    const read = () => {
      const value = field.message ? this.message(field.message) : this.scalar(field);
      if (field.message) setSource(value as AnyMessage, source);
      add(message, field, value);
    };
    if (!field.repeated || !this.tryTake('[')) read();
    else if (!this.tryTake(']')) {
      read();
      while (!this.tryTake(']')) {
        this.take(',');
        read();
      }
    }
    if (!this.tryTake(';')) this.tryTake(',');
  }

  private message(name: MessageName): AnyMessage {
    const close = this.tryTake('<') ? '>' : '}';
    if (close === '}') this.take('{');
    const message = emptyMessage(name);
    while (!this.looksAt('>') && !this.looksAt('}')) this.field(message);
    this.take(close);
    settle(message);
    return message;
  }

  private scalar(field: FieldDescriptor): unknown {
    switch (field.type) {
      case 'int32':
        return Number(this.signed(field, MAX_INT32));
      case 'uint32':
        return Number(this.unsigned(field, MAX_UINT32));
      case 'int64':
        return this.signed(field, MAX_INT64);
      case 'float':
        return Math.fround(this.double(field));
      case 'double':
        return this.double(field);
      case 'bool':
        return this.bool(field);
      case 'enum':
        return this.enumValue(field);
      case 'string':
        return stringOf(this.string(field));
      default:
        return Uint8Array.from(this.string(field));
    }
  }

  private unsigned(field: FieldDescriptor, max: bigint, least = 0n): bigint {
    if (this.tokens.current.type !== 'integer') {
      const range =
        field.type === 'enum' ? 'a value' : `an integer from ${least} to ${least < 0n ? max - 1n : max}`;
      this.fail(`"${field.name}": expected ${range}, found ${this.found}`);
    }
    const value = parseInteger(this.tokens.text, max);
    if (value === undefined) {
      this.fail(
        `"${field.name}": ${least < 0n ? 'the integer ' : ''}${this.found} is out of the range of ${field.type}`,
      );
    }
    this.tokens.next();
    return value;
  }

  private signed(field: FieldDescriptor, max: bigint): bigint {
    const negative = this.tryTake('-');
    const value = this.unsigned(field, negative ? max + 1n : max, negative ? -max - 1n : 0n);
    return negative ? -value : value;
  }

  private double(field: FieldDescriptor): number {
    const sign = this.tryTake('-') ? -1 : 1;
    const { type } = this.tokens.current;
    const { text } = this.tokens;
    let value: number | undefined;
    if (type === 'integer') {
      if (isOctalOrHex(text)) this.fail(`"${field.name}": expected a decimal number, found ${text}`);
      value = Number(parseInteger(text, MAX_UINT64) ?? parseFloatToken(text));
    } else if (type === 'float') value = parseFloatToken(text);
    else if (type === 'identifier') {
      const word = text.toLowerCase();
      if (word === 'inf' || word === 'infinity') value = Infinity;
      else if (word === 'nan') value = Number.NaN;
    }
    if (value === undefined) this.fail(`"${field.name}": expected a number, found ${this.found}`);
    this.tokens.next();
    return sign * value;
  }

  private bool(field: FieldDescriptor): boolean {
    if (this.tokens.current.type === 'integer') return this.unsigned(field, 1n) === 1n;
    if (this.tokens.current.type !== 'identifier')
      this.fail(`"${field.name}": expected true or false, found ${this.found}`);
    const word = this.identifier();
    if (['true', 'True', 't'].includes(word)) return true;
    if (['false', 'False', 'f'].includes(word)) return false;
    return this.fail(`"${field.name}": expected true or false, found "${word}"`);
  }

  private enumValue(field: FieldDescriptor): string {
    const known = field.enum;
    if (!known) throw new TypeError(`${field.name} is not an enum`);
    const { type } = this.tokens.current;
    let shown: string;
    let name: string | undefined;
    if (type === 'identifier') {
      shown = this.identifier();
      name = known.numberOf.has(shown) ? shown : undefined;
    } else if (type === 'integer' || this.looksAt('-')) {
      const value = this.signed(field, MAX_INT32);
      shown = String(value);
      name = known.nameOf.get(Number(value));
    } else
      return this.fail(
        `"${field.name}": expected the name or number of a value, found ${this.found}${unknownValueHint(this.found, [...known.numberOf.keys()])}`,
      );
    if (name === undefined) {
      this.fail(
        `"${field.name}" has no value "${shown}"${unknownValueHint(shown, [...known.numberOf.keys()])}`,
      );
    }
    return name;
  }

  private string(field: FieldDescriptor): number[] {
    const { current } = this.tokens;
    if (current.type !== 'string')
      this.fail(`"${field.name}": expected a string in quotes, found ${this.found}`);
    const bytes: number[] = [];
    for (let token = current; token.type === 'string'; token = this.tokens.next()) {
      for (const byte of unquote(this.tokens.bytes.subarray(token.start, token.end))) bytes.push(byte);
    }
    return bytes;
  }
}

function add(message: AnyMessage, field: FieldDescriptor, value: unknown): void {
  const slots = message as unknown as Slots;
  if (!field.repeated) slots[field.name] = value;
  else if (Object.hasOwn(slots, field.name)) (slots[field.name] as unknown[]).push(value);
  else slots[field.name] = [value];
}

/** Numbers that live in typed arrays were gathered in lists. */
function settle(message: AnyMessage): void {
  const slots = message as unknown as Slots;
  for (const field of descriptorOf(message.$type).fields) {
    if (!field.typedArray || !Object.hasOwn(slots, field.name)) continue;
    const list = slots[field.name] as number[];
    slots[field.name] = field.type === 'double' ? Float64Array.from(list) : Float32Array.from(list);
  }
}

/** The line that a problem is on, with a mark under its column. */
function excerpt(bytes: Uint8Array, problem: TextProblem | undefined): string {
  if (!problem) return '';
  const line = decodeUtf8(bytes).split('\n')[problem.line - 1]?.replace(/\r$/, '');
  if (line === undefined || line.length > 200) return '';
  let column = 0;
  let mark = '';
  for (const byte of new TextEncoder().encode(line)) {
    if (column >= problem.column - 1) break;
    const next = byte === 9 ? column + 8 - (column % 8) : column + 1;
    if ((byte & 0xc0) !== 0x80) mark += byte === 9 ? '\t' : ' ';
    column = next;
  }
  return `  ${line}\n  ${mark}^`;
}

/**
 * Reads a message in protobuf's text format (prototxt), with everything that the C++ parser Caffe uses allows: comments,
 * `field: { }`, `< >`, lists, adjacent strings, octal and hexadecimal integers, enums by name or number. Messages remember
 * their line (`sourceOf`).
 * @throws CaffeTextError with file, line, column and the known names.
 */
export function parseText<N extends MessageName>(
  name: N,
  text: string | Uint8Array,
  options: ParseTextOptions = {},
): MessageTypes[N] {
  const file = options.file ?? '<text>';
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const message = emptyMessage(name);
  const parser = new Parser(bytes, file);
  try {
    parser.run(message);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  if (parser.problems.length === 0) {
    setSource(message, { file, line: 1, column: 1 });
    for (const path of missingRequired(message))
      parser.problems.push({ line: 1, column: 1, message: `the required field ${path} is missing` });
  }
  if (parser.problems.length > 0)
    throw new CaffeTextError(file, parser.problems, excerpt(bytes, parser.problems[0]));
  return message;
}
