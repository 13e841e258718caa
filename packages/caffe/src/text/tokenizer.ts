/** What a token is. A string token's text keeps its quotes and escapes. */
export type TokenType = 'end' | 'float' | 'identifier' | 'integer' | 'start' | 'string' | 'symbol';

/** A token; line and column count from 0, columns in bytes, a tab moves to the next multiple of 8. */
export interface Token {
  readonly type: TokenType;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
}

/** Told about characters that make no token. */
export type TokenErrorHandler = (line: number, column: number, message: string) => void;

const TAB = 8;
const code = (character: string): number => character.charCodeAt(0);
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isOctal = (c: number): boolean => c >= 48 && c <= 55;
const isHex = (c: number): boolean => isDigit(c) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70);
const isLetter = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 95;
const isWord = (c: number): boolean => isLetter(c) || isDigit(c);
const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
const isControl = (c: number): boolean => c >= 0 && c < 32;
const simpleEscapes = new Set(['a', 'b', 'f', 'n', 'r', 't', 'v', '\\', '?', "'", '"'].map(code));
const latin1 = new TextDecoder('latin1');
const END = -1;

/**
 * Cuts a text-format file into tokens. It accepts and refuses what protobuf's C++ tokenizer does with the settings of its
 * text format (comments from # to the end of the line, `1.5f`), and reports at the same lines and columns, so that an
 * error here stands where Caffe's would.
 */
export class Tokenizer {
  private at = 0;
  private line = 0;
  private column = 0;
  private previous: Token;
  current: Token = { type: 'start', start: 0, end: 0, line: 0, column: 0, endColumn: 0 };

  constructor(
    readonly bytes: Uint8Array,
    private readonly onError: TokenErrorHandler,
  ) {
    this.previous = this.current;
  }

  /** The bytes of the current token as Latin-1 text: enough to compare with keywords and symbols. */
  get text(): string {
    return latin1.decode(this.bytes.subarray(this.current.start, this.current.end));
  }

  private get char(): number {
    return this.bytes[this.at] ?? END;
  }

  private step(): void {
    const c = this.char;
    if (c === END) return;
    this.at++;
    if (c === 10) {
      this.line++;
      this.column = 0;
    } else if (c === 9) this.column += TAB - (this.column % TAB);
    else this.column++;
  }

  private error(message: string): void {
    this.onError(this.line, this.column, message);
  }

  private take(matches: (c: number) => boolean): boolean {
    if (!matches(this.char)) return false;
    this.step();
    return true;
  }

  private takeChar(...characters: string[]): boolean {
    return this.take((c) => characters.some((character) => code(character) === c));
  }

  private takeAll(matches: (c: number) => boolean): void {
    while (matches(this.char)) this.step();
  }

  private skipSpaceAndComments(): void {
    for (;;) {
      this.takeAll(isSpace);
      if (!this.takeChar('#')) return;
      this.takeAll((c) => c !== END && c !== 0 && c !== 10);
    }
  }

  /** Moves to the next token. */
  next(): Token {
    this.previous = this.current;
    for (;;) {
      this.skipSpaceAndComments();
      if (!isControl(this.char)) break;
      this.error('a control character does not belong in a text file');
      this.takeAll(isControl);
    }
    const { at: start, line, column } = this;
    const type = this.scan();
    this.current = { type, start, end: this.at, line, column, endColumn: this.column };
    return this.current;
  }

  private scan(): TokenType {
    const c = this.char;
    if (c === END) return 'end';
    const { line, column } = this;
    this.step();
    if (isLetter(c)) {
      this.takeAll(isWord);
      return 'identifier';
    }
    if (isDigit(c)) return this.number(c === 48);
    if (c === code('"') || c === code("'")) {
      this.string(c);
      return 'string';
    }
    if (c === code('.') && isDigit(this.char)) {
      const { previous } = this;
      this.step();
      if (previous.type === 'identifier' && previous.line === line && previous.endColumn === column) {
        this.onError(line, this.column - 2, 'a decimal point right after a word: put a space between them');
      }
      this.decimal(true);
      return this.afterNumber('float');
    }
    if (c >= 0x80)
      this.onError(line, column, `a character that is not ASCII (byte ${c}) outside of a string`);
    return 'symbol';
  }

  private number(zero: boolean): TokenType {
    if (zero && this.takeChar('x', 'X')) {
      if (!isHex(this.char)) this.error('"0x" without a hexadecimal digit after it');
      this.takeAll(isHex);
      return this.afterNumber('integer');
    }
    if (zero && isDigit(this.char)) {
      this.takeAll(isOctal);
      if (isDigit(this.char)) {
        this.error('a number that begins with 0 is octal: no digit 8 or 9');
        this.takeAll(isDigit);
      }
      return this.afterNumber('integer');
    }
    return this.afterNumber(this.decimal(false) ? 'float' : 'integer');
  }

  /** The rest of a decimal number; true when it is a float. */
  private decimal(afterPoint: boolean): boolean {
    let float = afterPoint;
    this.takeAll(isDigit);
    if (!afterPoint && this.takeChar('.')) {
      float = true;
      this.takeAll(isDigit);
    }
    if (this.takeChar('e', 'E')) {
      float = true;
      this.takeChar('-', '+');
      if (!isDigit(this.char)) this.error('an exponent without a digit');
      this.takeAll(isDigit);
    }
    return this.takeChar('f', 'F') || float;
  }

  private afterNumber(type: 'float' | 'integer'): TokenType {
    if (isLetter(this.char)) this.error('a word right after a number: put a space between them');
    else if (this.char === code('.')) {
      this.error(
        type === 'float'
          ? 'a second decimal point in a number'
          : 'a decimal point in an octal or hexadecimal number',
      );
    }
    return type;
  }

  private string(quote: number): void {
    for (;;) {
      const c = this.char;
      if (c === END || c === 0) {
        this.error('the file ends within a string');
        return;
      }
      if (c === 10) {
        this.error('the line ends within a string');
        return;
      }
      this.step();
      if (c === quote) return;
      if (c === code('\\')) this.escape();
    }
  }

  private hexDigits(count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.take(isHex)) return false;
    return true;
  }

  private escape(): void {
    if (this.take((c) => simpleEscapes.has(c)) || this.take(isOctal)) return;
    if (this.takeChar('x')) {
      if (!this.take(isHex)) this.error('\\x without a hexadecimal digit after it');
    } else if (this.takeChar('u')) {
      if (!this.hexDigits(4)) this.error('\\u wants four hexadecimal digits');
    } else if (this.takeChar('U')) {
      const valid = this.takeChar('0') && this.takeChar('0') && this.takeChar('0', '1') && this.hexDigits(5);
      if (!valid) this.error('\\U wants eight hexadecimal digits, up to 0010ffff');
    } else this.error('no such escape sequence in a string');
  }
}
