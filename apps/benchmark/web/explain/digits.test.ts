import { describe, expect, it } from 'vitest';
import { errorInUlp, markDigits, numberText, rightDigits, type Digits, type Mark } from './digits.js';

const textOf = ({ runs }: Digits): string => runs.map(({ text }) => text).join('');
const marked = ({ runs }: Digits, wanted: Mark): string =>
  runs
    .filter(({ mark }) => mark === wanted)
    .map(({ text }) => text)
    .join('|');

describe('markDigits', () => {
  it('keeps all digits of a result that is rounded correctly', () => {
    const digits = markDigits(Math.fround(1 / 3), 1 / 3);
    expect(textOf(digits)).toBe('0.333333343');
    expect(marked(digits, 'kept')).toBe('3333333');
    expect(digits).toMatchObject({ lost: 0, room: 7 });
  });

  it('marks digits as lost from the first one that differs', () => {
    const digits = markDigits(0.12345, 0.12367);
    expect(marked(digits, 'kept')).toBe('123');
    expect(marked(digits, 'lost')).toBe('4500');
    expect(digits.lost).toBe(4);
  });

  it('writes results below one another, zeros before the first digit included', () => {
    const exact = 0.0101327896;
    expect(textOf(markDigits(exact, exact))).toBe('0.0101327896');
    expect(textOf(markDigits(0.009765625, exact))).toBe('0.0097656250');
    expect(marked(markDigits(0.009765625, exact), 'kept')).toBe('');
  });

  it('forgives a carry in digits that differ by next to nothing', () => {
    const digits = markDigits(1, 0.9999990463);
    expect(textOf(digits)).toBe('1.000000000');
    expect(marked(digits, 'kept')).toBe('1|0000');
    expect(marked(digits, 'lost')).toBe('00');
  });

  it('writes small numbers with the exact value’s power of ten', () => {
    const digits = markDigits(3.5e-9, 2.0611536e-9);
    expect(textOf(digits)).toBe('3.50000000 × 10⁻⁹');
    expect(marked(digits, 'kept')).toBe('');
  });

  it('counts everything lost where the result is 0, infinite, NaN or of the other sign', () => {
    for (const computed of [0, Infinity, NaN, -2.0611536e-9, 1]) {
      const digits = markDigits(computed, 2.0611536e-9);
      expect({ computed, ...digits }).toMatchObject({ computed, lost: 7, room: 7 });
    }
  });

  it('has no room for digits where the exact value is 0, and says whether the result is', () => {
    expect(markDigits(0, 0)).toEqual({ runs: [{ text: '0', mark: 'kept' }], room: 0, lost: 0 });
    expect(marked(markDigits(1e-9, 0), 'lost')).toBe('1 × 10⁻⁹');
  });

  it('shows digits on both sides of the decimal point', () => {
    expect(textOf(markDigits(9999.5, 9999.501))).toBe('9999.50000');
    expect(textOf(markDigits(123456.5, 123456.5))).toBe('123456.500');
  });
});

describe('rightDigits', () => {
  it('lies between none and what half a unit in the last place amounts to', () => {
    expect(rightDigits(1, 1)).toBeCloseTo(7.22, 2);
    expect(rightDigits(1.001, 1)).toBeCloseTo(3, 2);
    expect(rightDigits(5, 1)).toBe(0);
    expect(rightDigits(Number.NaN, 1)).toBe(0);
    expect(rightDigits(Infinity, 1)).toBe(0);
    expect(rightDigits(0, 0)).toBeCloseTo(7.22, 2);
  });
});

describe('errorInUlp', () => {
  it('counts in spacings of float32 at the exact value', () => {
    expect(errorInUlp(1 + 2 ** -22, 1)).toBe(2);
    expect(errorInUlp(2 ** -149, 0)).toBe(1);
    expect(errorInUlp(Infinity, Infinity)).toBe(0);
    expect(errorInUlp(Number.NaN, 1)).toBe(Infinity);
  });
});

describe('numberText', () => {
  it('writes numbers for people', () => {
    expect([0, -20, 0.999999, 1e4, 1.5e-9, -Infinity, NaN].map((value) => numberText(value))).toEqual([
      '0',
      '−20',
      '0.999999',
      '10000',
      '1.5 × 10⁻⁹',
      '−∞',
      'NaN',
    ]);
    expect(numberText(0.0000149988, 3)).toBe('1.5 × 10⁻⁵');
  });
});
