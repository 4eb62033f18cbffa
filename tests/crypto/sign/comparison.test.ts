import { describe, expect, test } from 'vitest';
import { comparisonOf, comparisonOfWidths, digitWidths } from '../../../crypto/sign/comparison.ts';
import type { Bit, Comparison } from '../../../crypto/sign/comparison.ts';
import { layoutOf } from '../../../crypto/sign/layout.ts';

const windows = digitWidths.map((_, m) => m).slice(1);
const stringBits = ({ transfers }: Comparison) => transfers.reduce((sum, { keyBits }) => sum + keyBits, 0);

describe('digits', () => {
  test('a window of m bits has digits of m - 1 bits in all', () => {
    for (const m of windows) expect(digitWidths[m]!.reduce((a, b) => a + b, 0)).toBe(m - 1);
    for (const m of [0, 33, 1.5]) expect(() => comparisonOf(m)).toThrow(RangeError);
  });

  /** All widths near n / D. */
  function* widthsNear(n: number, count: number): Generator<number[]> {
    const base = Math.floor(n / count);
    function* more(left: number, widths: number[]): Generator<number[]> {
      if (widths.length === count) {
        if (left === 0) yield widths;
        return;
      }
      for (let width = Math.max(1, base - 1); width <= Math.min(left, base + 2); width++) {
        yield* more(left - width, [...widths, width]);
      }
    }
    yield* more(n, []);
  }

  test.each([6, 7, 10, 14, 15, 19, 20, 27])('for %i bits none take fewer bytes', (m) => {
    const cost = (comparison: Comparison) => 5 * comparison.transfers.length + stringBits(comparison) / 8;
    const least = cost(comparisonOf(m));
    for (let count = 1; count <= Math.min(7, m - 1); count++) {
      for (const widths of widthsNear(m - 1, count)) {
        expect(cost(comparisonOfWidths(widths)), widths.join()).toBeGreaterThanOrEqual(least);
      }
    }
  });
});

describe('what a comparison takes', () => {
  test.each([
    [1, 1, 0],
    [2, 2, 1],
    [9, 11, 128],
    [15, 24, 304],
    [19, 28, 688],
    [32, 67, 1480],
  ])('%i bits: %i transfers and %i bits of strings', (m, transfers, bits) => {
    const comparison = comparisonOf(m);
    expect(comparison.transfers).toHaveLength(transfers);
    expect(stringBits(comparison)).toBe(bits);
  });

  test('each bit depends on choices of earlier transfers only, so all bits are a bijection of the choices', () => {
    for (const m of windows) {
      const { transfers, strings, digits, tables } = comparisonOf(m);
      const digitTables = tables.length - strings.length;
      const latest = (bit: Bit): number => {
        switch (bit.kind) {
          case 'window':
          case 'one':
            return -1;
          case 'choice':
          case 'sent':
            return bit.transfer;
          case 'table': {
            const { from, width } = digits[tables[bit.table]!.digit]!;
            const own = bit.table < digitTables ? -1 : strings[bit.table - digitTables]!.transfer;
            return Math.max(from + width - 1, own);
          }
          case 'xor':
            return Math.max(-1, ...bit.terms.map(latest));
          case 'and':
            return Math.max(latest(bit.a), latest(bit.b));
        }
      };
      for (const [t, { bit }] of transfers.entries()) expect(latest(bit), `${m}: ${t}`).toBeLessThan(t);
    }
  });

  test('no bit of a key masks two strings', () => {
    for (const m of windows) {
      const comparison = comparisonOf(m);
      const stages = comparison.digits.reduce((sum, { width }) => sum + width, 0);
      const used = new Set<string>();
      for (const { transfer, keyBit, result } of comparison.strings) {
        expect(transfer).toBeGreaterThanOrEqual(stages);
        const { digit } = comparison.tables[result]!;
        for (let bit = keyBit; bit < keyBit + 2 ** comparison.digits[digit]!.width; bit++) {
          expect(used.has(`${transfer} ${bit}`)).toBe(false);
          used.add(`${transfer} ${bit}`);
        }
      }
      expect(used.size).toBe(layoutOf(comparison).keyPlanes - layoutOf(comparison).productAt);
    }
  });
});
