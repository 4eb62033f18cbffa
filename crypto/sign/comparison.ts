/**
 * The sign test as one-time tables (Ishai, Kushilevitz, Meldgaard, Orlandi and Paskin-Cherniavsky, 'On the
 * power of correlated randomness in secure computation', TCC 2013), worked out for a client C that knows its
 * side offline and a server S that learns its side online.
 *
 * For windows of m bits, n = m - 1, C has v_C and S has v_S. The top bit of v_C + v_S is v_C[n] + v_S[n] +
 * carry, + being xor from here on, and carry = [b > a] with b = v_S mod 2^n and a = 2^n - 1 - (v_C mod 2^n).
 * The bits of b and a are cut into digits. For digit j, greater_j = [b_j > a_j] and equal_j = [b_j = a_j] are
 * tables over b_j that C knows. Two neighbours join to one digit, until one is left:
 *
 *   greater = greater_high + equal_high greater_low,   equal = equal_high equal_low
 *
 * Two tools, each of one transfer in which S chooses a random bit c and C offers keys K0, K1; S online sends
 * the bit that it masks with c, and nothing else.
 *
 * Stage, one for each bit i of a digit: offline the parties come to hold P and M with P[x] + M[x] = T[x + c],
 * c being the choice bits of the digit (steps of `tables.ts`). Online S sends delta = b_j + c; T[b_j] is then
 * P[delta] + M[delta], and **S knows its share before it sends**.
 *
 * Product of a bit beta that S knows online and a table P of C's, over any digit. Offline C sends K0 + K1 +
 * P; S gets V = K0 + c P, and C keeps U = K0. Online S sends sigma = beta + c. Then
 *
 *   beta P[delta] = V[delta] + U[delta] + sigma P[delta]
 *
 * S knows V[delta] at once. C's share is again tables at public places with public coefficients, a `Form`,
 * which can be multiplied by the next bit of S. So no product costs a round trip.
 */

/** A bit of every element that a party knows online, as a formula. */
export type Bit =
  /** Bit `index` of the party's window. */
  | { readonly kind: 'window'; readonly index: number }
  /** S's choice in a transfer. */
  | { readonly kind: 'choice'; readonly transfer: number }
  /** What S sends for a transfer. */
  | { readonly kind: 'sent'; readonly transfer: number }
  /** The party's table at the place that S's bits of its digit name. */
  | { readonly kind: 'table'; readonly table: number }
  | { readonly kind: 'xor'; readonly terms: readonly Bit[] }
  | { readonly kind: 'and'; readonly a: Bit; readonly b: Bit }
  | { readonly kind: 'one' };

/** A table of 2^w bits over the digit with this number. */
export type Table = { readonly digit: number };

export type Transfer = {
  /** What S masks with its choice bit and sends. */
  readonly bit: Bit;
  /** Bits of each of the two keys that strings take. */
  readonly keyBits: number;
};

/** C masks the sum of `sources` with keys of `transfer`, from bit `keyBit` on. The keys are `result`. */
export type StringSpec = {
  readonly transfer: number;
  readonly keyBit: number;
  readonly sources: readonly number[];
  readonly result: number;
};

export type DigitSpec = {
  /** The window bits [from, from + width). Their stages are the transfers of the same numbers. */
  readonly from: number;
  readonly width: number;
  readonly greater: number;
  /** The lowest digit has none. */
  readonly equal: number | undefined;
};

/** The sign test of a window, as both parties compute it. Nothing in it is secret. */
export type Comparison = {
  readonly windowBits: number;
  readonly digits: readonly DigitSpec[];
  /** Tables of digits first, then the results of strings, in the order of the strings. */
  readonly tables: readonly Table[];
  /** Stages, then products, then the sign. The bit of each depends on choices of earlier ones only. */
  readonly transfers: readonly Transfer[];
  readonly strings: readonly StringSpec[];
  /** C's share e_C of the sign d = e_C + e_S, where e_S is S's choice in the last transfer. */
  readonly clientSign: Bit;
};

/**
 * Widths of the digits by the number of window bits, the lowest digit first: those of the fewest bytes, a
 * transfer counted as 5 bytes (4 on the wire, and its time at 100 Mbit/s). More digits mean shorter tables
 * and more products. tests/crypto/sign/comparison.test.ts searches all near-equal widths and finds these.
 */
export const digitWidths: readonly (readonly number[])[] = [
  [],
  [],
  [1],
  [2],
  [3],
  [4],
  [5],
  [3, 3],
  [4, 3],
  [4, 4],
  [5, 4],
  [4, 3, 3],
  [4, 3, 4],
  [4, 4, 4],
  [5, 4, 4],
  [4, 4, 3, 3],
  [4, 4, 3, 4],
  [4, 4, 4, 4],
  [5, 4, 4, 4],
  [5, 5, 4, 4],
  [4, 3, 4, 4, 4],
  [4, 4, 4, 4, 4],
  [4, 4, 5, 4, 4],
  [4, 4, 5, 4, 5],
  [4, 4, 5, 5, 5],
  [4, 4, 4, 4, 4, 4],
  [4, 4, 5, 4, 4, 4],
  [4, 4, 5, 4, 4, 5],
  [4, 4, 4, 4, 3, 4, 4],
  [4, 4, 4, 4, 4, 4, 4],
  [4, 4, 4, 4, 4, 4, 5],
  [5, 4, 4, 4, 4, 4, 5],
  [4, 4, 4, 4, 3, 4, 4, 4],
];

export const maxWindowBits: number = digitWidths.length - 1;

const made = new Map<number, Comparison>();

/** The sign test of windows of `windowBits` bits, 1 to 32. Throws RangeError for others. */
export function comparisonOf(windowBits: number): Comparison {
  const widths = digitWidths[windowBits];
  if (widths === undefined || windowBits < 1) {
    throw new RangeError(`sign test: expected a window of 1 to ${maxWindowBits} bits, got ${windowBits}`);
  }
  let comparison = made.get(windowBits);
  if (comparison === undefined) {
    comparison = new Builder(widths).build();
    made.set(windowBits, comparison);
  }
  return comparison;
}

/** The sign test with digits of these widths, the lowest first. For the search of the best widths. */
export function comparisonOfWidths(widths: readonly number[]): Comparison {
  return new Builder(widths).build();
}

/** A bit that both parties hold a share of: S's formula, and C's as a form that S's bits can multiply. */
type Shared = { readonly server: Bit; readonly client: Form };

/** A sum of C's: public bits, tables, and products of two forms over different digits. */
type Form = {
  readonly constants: readonly Bit[];
  /** For each digit the tables that are added up: their sum is one table, which one string masks. */
  readonly tables: ReadonlyMap<number, readonly number[]>;
  readonly products: readonly (readonly [Form, Form])[];
};

type Digit = { readonly greater: Shared; readonly equal: Shared | undefined };

const nothing: Form = { constants: [], tables: new Map(), products: [] };

class Builder {
  readonly #tables: Table[] = [];
  readonly #transfers: { bit: Bit; keyBits: number }[] = [];
  readonly #strings: StringSpec[] = [];
  /** The transfer of a bit of S, and the result of a string by transfer and sources. */
  readonly #transferOf = new Map<Bit, number>();
  readonly #resultOf = new Map<string, number>();
  readonly #widths: readonly number[];
  readonly #digits: DigitSpec[] = [];

  constructor(widths: readonly number[]) {
    this.#widths = widths;
  }

  build(): Comparison {
    const top = this.#widths.reduce((sum, width) => sum + width, 0);
    const digits = this.#widths.map((_, j) => this.#digit(j));
    const carry = digits.length === 0 ? undefined : this.#join(digits).greater;
    const window: Bit = { kind: 'window', index: top };
    const last = this.#transfers.length;
    const shares = carry === undefined ? [] : [carry.server];
    this.#transfers.push({ bit: xor([{ kind: 'one' }, window, ...shares]), keyBits: 0 });
    const sent: Bit = { kind: 'sent', transfer: last };
    return {
      windowBits: top + 1,
      digits: this.#digits,
      tables: this.#tables,
      transfers: this.#transfers,
      strings: this.#strings,
      clientSign: xor([window, ...(carry === undefined ? [] : [bitOf(carry.client)]), sent]),
    };
  }

  /** A digit's tables and the stages that make them. */
  #digit(j: number): Digit {
    const width = this.#widths[j]!;
    const from = this.#transfers.length;
    const greater = this.#table(j);
    const equal = j === 0 ? undefined : this.#table(j);
    for (let index = from; index < from + width; index++) {
      const keyBits = equal === undefined ? 2 ** (width - 1) : 2 ** width;
      this.#transfers.push({ bit: { kind: 'window', index }, keyBits });
    }
    this.#digits.push({ from, width, greater, equal });
    return { greater: shared(j, greater), equal: equal === undefined ? undefined : shared(j, equal) };
  }

  #table(digit: number): number {
    return this.#tables.push({ digit }) - 1;
  }

  /** Joins digits, the lowest first, by halves; the lower half is the longer one. */
  #join(digits: readonly Digit[]): Digit {
    if (digits.length === 1) return digits[0]!;
    const middle = Math.ceil(digits.length / 2);
    const [low, high] = [this.#join(digits.slice(0, middle)), this.#join(digits.slice(middle))];
    return {
      greater: sum(high.greater, this.#product(high.equal!, low.greater)),
      equal: low.equal && this.#product(high.equal!, low.equal),
    };
  }

  /**
   * x y. With S's shares masked as sigma, x_S y_C = V + G + sigma_x y_C and the same for y_S x_C, so that C's
   * share is (x_C + sigma_x)(y_C + sigma_y) plus the forms G, and sigma_x sigma_y is S's to add.
   */
  #product(x: Shared, y: Shared): Shared {
    const [xs, ys] = [this.#transfer(x.server), this.#transfer(y.server)];
    const [a, b] = [this.#times(xs, y.client), this.#times(ys, x.client)];
    const [sentX, sentY]: [Bit, Bit] = [
      { kind: 'sent', transfer: xs },
      { kind: 'sent', transfer: ys },
    ];
    const product = [plus(x.client, sentX), plus(y.client, sentY)] as const;
    return {
      server: xor([and(x.server, y.server), and(sentX, sentY), a.server, b.server]),
      client: add([a.client, b.client, { ...nothing, products: [product] }]),
    };
  }

  /** The transfer that masks a bit of S; one for all products of that bit. */
  #transfer(bit: Bit): number {
    const known = this.#transferOf.get(bit);
    if (known !== undefined) return known;
    const transfer = this.#transfers.push({ bit, keyBits: 0 }) - 1;
    this.#transferOf.set(bit, transfer);
    return transfer;
  }

  /**
   * c F for the choice bit c of a transfer, as V of S and a form G of C. For a product F = A B: c A = gamma +
   * G_A, where S knows gamma, and so c A B = gamma B + G_A B; gamma takes a transfer of its own.
   */
  #times(transfer: number, form: Form): Shared {
    const choice: Bit = { kind: 'choice', transfer };
    const server = form.constants.map((constant) => and(choice, constant));
    const parts: Form[] = [];
    for (const [digit, sources] of form.tables) {
      const result = shared(digit, this.#string(transfer, digit, sources));
      server.push(result.server);
      parts.push(result.client);
    }
    for (const [a, b] of form.products) {
      const first = this.#times(transfer, a);
      const gamma = this.#transfer(first.server);
      const second = this.#times(gamma, b);
      server.push(second.server);
      const factor = plus(first.client, { kind: 'sent', transfer: gamma });
      parts.push(second.client, { ...nothing, products: [[factor, b]] });
    }
    return { server: xor(server), client: add(parts) };
  }

  /** The result of a string, which is sent once however often it is used. */
  #string(transfer: number, digit: number, sources: readonly number[]): number {
    const name = `${transfer}: ${sources.join('+')}`;
    const known = this.#resultOf.get(name);
    if (known !== undefined) return known;
    const result = this.#table(digit);
    const keys = this.#transfers[transfer]!;
    this.#strings.push({ transfer, keyBit: keys.keyBits, sources, result });
    keys.keyBits += 2 ** this.#widths[digit]!;
    this.#resultOf.set(name, result);
    return result;
  }
}

/** A bit whose shares are the parties' tables of this number. */
function shared(digit: number, table: number): Shared {
  return {
    server: { kind: 'table', table },
    client: { ...nothing, tables: new Map([[digit, [table]]]) },
  };
}

function sum(a: Shared, b: Shared): Shared {
  return { server: xor([a.server, b.server]), client: add([a.client, b.client]) };
}

function add(forms: readonly Form[]): Form {
  const tables = new Map<number, number[]>();
  for (const form of forms) {
    for (const [digit, sources] of form.tables) {
      // No table occurs twice: the result of a string belongs to one product.
      tables.set(digit, [...(tables.get(digit) ?? []), ...sources]);
    }
  }
  return {
    constants: forms.flatMap(({ constants }) => constants),
    tables,
    products: forms.flatMap(({ products }) => products),
  };
}

function plus(form: Form, constant: Bit): Form {
  return { ...form, constants: [...form.constants, constant] };
}

/** What C computes for a form online. */
function bitOf({ constants, tables, products }: Form): Bit {
  const looked = [...tables.values()].flat().map((table): Bit => ({ kind: 'table', table }));
  return xor([...constants, ...looked, ...products.map(([a, b]) => and(bitOf(a), bitOf(b)))]);
}

function xor(terms: readonly Bit[]): Bit {
  return terms.length === 1 ? terms[0]! : { kind: 'xor', terms };
}

function and(a: Bit, b: Bit): Bit {
  return { kind: 'and', a, b };
}
