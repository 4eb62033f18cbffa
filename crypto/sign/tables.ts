import type { Address, Planes } from '../ring/planes.ts';
import type { Comparison, DigitSpec } from './comparison.ts';
import { layoutOf } from './layout.ts';

/**
 * The offline half of the sign test, for a batch of elements: C's strings and both parties' tables. Formulas
 * in comparison.ts. For a digit's table T of C's and choice bits c of its stages, the stages bring the
 * parties to P[x] + M[x] = T[x + c], from P = T, M = 0. Stage i, with mu_i the places whose bit i is 0:
 *
 *   C sends tau = K0 + K1 + D,  D[y] = P[y] + P[y + 2^i] for y in mu_i, then P[y], P[y + 2^i] += K0[y]
 *   S: E = K_c + c tau; if c, M[y] and M[y + 2^i] change places; then M[y], M[y + 2^i] += E[y]
 *
 * C computes all stages at once, so that there is one message. The tables of one digit share the stages'
 * transfers, each with keys of its own: `greater` first.
 */
export type Strings = {
  /** For S: `keyPlanes` planes. */
  readonly message: Address;
  /** C's tables: `tablePlanes` planes. */
  readonly tables: Address;
};

/**
 * C's half. `k0`, `k1`: planes of both keys of each transfer. `window`: planes of the bits of v_C, the lowest
 * first.
 */
export function clientTables(
  planes: Planes,
  comparison: Comparison,
  k0: Address,
  k1: Address,
  window: Address,
): Strings {
  const layout = layoutOf(comparison);
  const { keyPlanes, keyAt, tableAt } = layout;
  const tables = planes.room(layout.tablePlanes);
  const message = planes.xor(k0, k1, planes.room(keyPlanes), keyPlanes);
  for (const digit of comparison.digits) {
    const [greater, equal] = writeDigit(planes, digit, window, (table) => at(planes, tables, tableAt, table));
    for (const stage of stagesOf(planes, digit, keyAt)) {
      clientStage(planes, greater, stage, k0, message);
      if (equal !== undefined) clientStage(planes, equal, equalStage(planes, stage), k0, message);
    }
  }
  keepResults(planes, layout, k0, tables);
  for (const { transfer, keyBit, sources } of comparison.strings) {
    const to = planes.plane(message, keyAt[transfer]! + keyBit);
    const size = 2 ** comparison.digits[comparison.tables[sources[0]!]!.digit]!.width;
    for (const source of sources) planes.xor(to, at(planes, tables, tableAt, source), to, size);
  }
  return { message, tables };
}

/**
 * S's half, from planes of the key that it chose in each transfer, of its choices and of C's message. `keys`
 * is overwritten. Returns S's tables, `tablePlanes` planes.
 */
export function serverTables(
  planes: Planes,
  comparison: Comparison,
  keys: Address,
  choices: Address,
  message: Address,
): Address {
  const layout = layoutOf(comparison);
  const tables = planes.clear(planes.room(layout.tablePlanes), layout.digitPlanes);
  for (const [transfer, { keyBits }] of comparison.transfers.entries()) {
    const first = layout.keyAt[transfer]!;
    const key = planes.plane(keys, first);
    planes.addMasked(key, planes.plane(message, first), planes.plane(choices, transfer), keyBits);
  }
  for (const digit of comparison.digits) {
    const greater = at(planes, tables, layout.tableAt, digit.greater);
    const equal = digit.equal === undefined ? undefined : at(planes, tables, layout.tableAt, digit.equal);
    for (const stage of stagesOf(planes, digit, layout.keyAt)) {
      const choice = planes.plane(choices, stage.transfer);
      serverStage(planes, greater, stage, choice, keys);
      if (equal !== undefined) serverStage(planes, equal, equalStage(planes, stage), choice, keys);
    }
  }
  keepResults(planes, layout, keys, tables);
  return tables;
}

/** The keys of products are the results of strings: C keeps K0, S keeps V. */
function keepResults(planes: Planes, layout: ReturnType<typeof layoutOf>, keys: Address, tables: Address) {
  const { productAt, keyPlanes, digitPlanes } = layout;
  planes.copy(planes.plane(keys, productAt), planes.plane(tables, digitPlanes), keyPlanes - productAt);
}

function at(planes: Planes, tables: Address, tableAt: readonly number[], table: number): Address {
  return planes.plane(tables, tableAt[table]!);
}

/** One stage of one table: pairs of places of the table, and the key plane of the first pair. */
type Stage = {
  readonly transfer: number;
  readonly key: number;
  /** Places y whose bit i is 0. */
  readonly places: readonly number[];
  /** 2^i */
  readonly distance: number;
};

function stagesOf(planes: Planes, { from, width }: DigitSpec, keyAt: readonly number[]): Stage[] {
  return Array.from({ length: width }, (_, i) => ({
    transfer: from + i,
    key: keyAt[from + i]!,
    places: Array.from({ length: 2 ** width }, (__, y) => y).filter((y) => ((y >>> i) & 1) === 0),
    distance: 2 ** i,
  }));
}

/** The same stage of the digit's second table, whose keys come after those of the first. */
function equalStage(planes: Planes, stage: Stage): Stage {
  return { ...stage, key: stage.key + stage.places.length };
}

function clientStage(planes: Planes, table: Address, stage: Stage, k0: Address, message: Address): void {
  for (const [p, y] of stage.places.entries()) {
    const [low, high] = [planes.plane(table, y), planes.plane(table, y + stage.distance)];
    const [tau, key] = [planes.plane(message, stage.key + p), planes.plane(k0, stage.key + p)];
    planes.xor(tau, low, tau);
    planes.xor(tau, high, tau);
    planes.xor(low, key, low);
    planes.xor(high, key, high);
  }
}

function serverStage(planes: Planes, table: Address, stage: Stage, choice: Address, keys: Address): void {
  for (const [p, y] of stage.places.entries()) {
    const [low, high] = [planes.plane(table, y), planes.plane(table, y + stage.distance)];
    const key = planes.plane(keys, stage.key + p);
    planes.swap(low, high, choice);
    planes.xor(low, key, low);
    planes.xor(high, key, high);
  }
}

/**
 * Writes [y > a] and [y = a] for all y, a being the complement of the window's bits of the digit. From the
 * lowest bit up: with a's bit 1, a y with that bit keeps both and one without loses both; with 0, a y with
 * the bit is greater and not equal.
 */
function writeDigit(
  planes: Planes,
  digit: DigitSpec,
  window: Address,
  tableOf: (table: number) => Address,
): readonly [Address, Address | undefined] {
  const greater = tableOf(digit.greater);
  const equal = digit.equal === undefined ? undefined : tableOf(digit.equal);
  planes.clear(greater, 1);
  if (equal !== undefined) planes.not(planes.clear(equal, 1), equal);
  for (let i = 0; i < digit.width; i++) {
    // The window's bit is 1 where a's bit is 0.
    const zero = planes.plane(window, digit.from + i);
    const one = planes.not(zero, planes.room(1));
    for (let y = 0; y < 2 ** i; y++) {
      const [low, high] = [planes.plane(greater, y), planes.plane(greater, y + 2 ** i)];
      // high = zero or low = not (one and not low)
      planes.not(planes.and(one, planes.not(low, high), high), high);
      planes.and(low, zero, low);
      if (equal === undefined) continue;
      const [same, other] = [planes.plane(equal, y), planes.plane(equal, y + 2 ** i)];
      planes.and(same, one, other);
      planes.and(same, zero, same);
    }
  }
  return [greater, equal];
}
