import type { Address, Planes } from '../ring/planes.ts';
import type { Bit, Comparison } from './comparison.ts';
import { layoutOf } from './layout.ts';

/**
 * The online half of the sign test, for a batch of elements: S's bits, one for each transfer, and C's share
 * of the sign. Formulas in comparison.ts.
 */

/**
 * The planes that S sends, one for each transfer. `window`: planes of the bits of v_S; `choices` and `tables`
 * as in the offline half.
 */
export function serverBits(
  planes: Planes,
  comparison: Comparison,
  tables: Address,
  choices: Address,
  window: Address,
): Address {
  const { transfers } = comparison;
  const message = planes.room(transfers.length);
  const bits = new Bits(planes, comparison, tables, window, message, choices);
  // A bit depends on those of earlier transfers only.
  for (const [transfer, { bit }] of transfers.entries()) {
    planes.xor(bits.value(bit), planes.plane(choices, transfer), planes.plane(message, transfer));
  }
  return message;
}

/** C's plane e_C, from the planes that S sent. S's share of the sign is its choice in the last transfer. */
export function clientBits(
  planes: Planes,
  comparison: Comparison,
  tables: Address,
  window: Address,
  message: Address,
): Address {
  return new Bits(planes, comparison, tables, window, message).value(comparison.clientSign);
}

/** Computes formulas of one party, each once. */
class Bits {
  readonly #planes: Planes;
  readonly #comparison: Comparison;
  readonly #tables: Address;
  readonly #window: Address;
  readonly #message: Address;
  readonly #choices: Address | undefined;
  readonly #known = new Map<Bit, Address>();
  readonly #looked = new Map<number, Address>();

  constructor(
    planes: Planes,
    comparison: Comparison,
    tables: Address,
    window: Address,
    message: Address,
    choices?: Address,
  ) {
    this.#planes = planes;
    this.#comparison = comparison;
    this.#tables = tables;
    this.#window = window;
    this.#message = message;
    this.#choices = choices;
  }

  value(bit: Bit): Address {
    const known = this.#known.get(bit);
    if (known !== undefined) return known;
    const value = this.#compute(bit);
    this.#known.set(bit, value);
    return value;
  }

  #compute(bit: Bit): Address {
    const planes = this.#planes;
    switch (bit.kind) {
      case 'window':
        return planes.plane(this.#window, bit.index);
      case 'choice':
        return planes.plane(this.#choices!, bit.transfer);
      case 'sent':
        return planes.plane(this.#message, bit.transfer);
      case 'table':
        return this.#look(bit.table);
      case 'xor': {
        const sum = planes.clear(planes.room(1), 1);
        for (const term of bit.terms) planes.xor(sum, this.value(term), sum);
        return sum;
      }
      case 'and':
        return planes.and(this.value(bit.a), this.value(bit.b), planes.room(1));
      case 'one':
        return planes.not(planes.clear(planes.room(1), 1), planes.room(1));
    }
  }

  /** A table at the place that the bits of its digit's stages name. */
  #look(table: number): Address {
    const known = this.#looked.get(table);
    if (known !== undefined) return known;
    const { digits, tables } = this.#comparison;
    const { from, width } = digits[tables[table]!.digit]!;
    const index = Array.from({ length: width }, (_, i) => this.#planes.plane(this.#message, from + i));
    const place = this.#planes.plane(this.#tables, layoutOf(this.#comparison).tableAt[table]!);
    const value = this.#planes.look(place, index);
    this.#looked.set(table, value);
    return value;
  }
}
