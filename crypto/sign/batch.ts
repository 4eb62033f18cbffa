import { copyBits, unpackBits } from '../bits.ts';
import type { ChosenRows, OfferedRows } from '../ot/transfers.ts';
import type { Planes } from '../ring/planes.ts';
import { comparisonOf } from './comparison.ts';
import { keysOf, noOffset } from './keys.ts';
import { layoutOf } from './layout.ts';
import { clientBits, serverBits } from './online.ts';
import { clientTables, serverTables } from './tables.ts';

/**
 * The sign test of a batch of elements, bytes in and bytes out, both halves in the order of the wire. What is
 * kept between calls is packed: a plane takes one bit of each element.
 */
export type Window = {
  /** The lowest bit of the window. */
  readonly k: number;
  /** Its number of bits. */
  readonly bits: number;
};

/** The most elements of a batch. Its rows and planes stay in the second-level cache. */
export const batchElements = 4096;

/** The sizes of the batches of `count` elements. */
export function batchesOf(count: number): number[] {
  return Array.from({ length: Math.ceil(count / batchElements) }, (_, i) =>
    Math.min(batchElements, count - i * batchElements),
  );
}

/** Transfers of one sign test, in which S chooses, and bits that S sends online. */
export function transfersOf(windowBits: number): number {
  return comparisonOf(windowBits).transfers.length;
}

/** Bytes of C's strings for `count` elements. */
export function stringBytes(windowBits: number, count: number): number {
  return layoutOf(comparisonOf(windowBits)).keyPlanes * Math.ceil(count / 8);
}

/** Bytes of the bits that S sends online for `count` elements. */
export function signBytes(windowBits: number, count: number): number {
  return transfersOf(windowBits) * Math.ceil(count / 8);
}

/** Bytes of a party's tables, which it keeps from the offline to the online phase. */
export function tableBytes(windowBits: number, count: number): number {
  return layoutOf(comparisonOf(windowBits)).tablePlanes * Math.ceil(count / 8);
}

// ---- offline, before C knows its share --------------------------------------------------------------------

/** C's keys: planes of both keys of the transfers, and the words (h0, h1) of the last one. */
export type ClientBatchKeys = {
  readonly k0: Uint8Array<ArrayBuffer>;
  readonly k1: Uint8Array<ArrayBuffer>;
  readonly h0: Uint32Array<ArrayBuffer>;
  readonly h1: Uint32Array<ArrayBuffer>;
};

/** `rows`: [transfers, size]. */
export function clientBatchKeys(
  planes: Planes,
  windowBits: number,
  size: number,
  salt: Uint8Array,
  delta: Uint32Array,
  rows: OfferedRows,
): ClientBatchKeys {
  planes.start(size);
  const comparison = comparisonOf(windowBits);
  const [zero, one] = keysOf(planes, comparison, size, salt, rows, [noOffset, delta]);
  const { keyPlanes } = layoutOf(comparison);
  return {
    k0: packed(planes, zero!.planes, keyPlanes),
    k1: packed(planes, one!.planes, keyPlanes),
    h0: zero!.words,
    h1: one!.words,
  };
}

/** S's keys: planes of the chosen keys and of the choices, e_S and the word that e_S chose of (h0, h1). */
export type ServerBatchKeys = {
  readonly keys: Uint8Array<ArrayBuffer>;
  readonly choices: Uint8Array<ArrayBuffer>;
  /** One bit a byte, [size]. */
  readonly e: Uint8Array<ArrayBuffer>;
  readonly h: Uint32Array<ArrayBuffer>;
};

export function serverBatchKeys(
  planes: Planes,
  windowBits: number,
  size: number,
  salt: Uint8Array,
  rows: ChosenRows,
): ServerBatchKeys {
  planes.start(size);
  const comparison = comparisonOf(windowBits);
  const [chosen] = keysOf(planes, comparison, size, salt, rows, [noOffset]);
  const transfers = comparison.transfers.length;
  const bytes = planes.packedBytes;
  const choices = new Uint8Array(transfers * bytes);
  for (let t = 0; t < transfers; t++) copyBits(rows.choices, t * size, choices, 8 * t * bytes, size);
  return {
    keys: packed(planes, chosen!.planes, layoutOf(comparison).keyPlanes),
    choices,
    e: unpackBits(choices.subarray((transfers - 1) * bytes), size, 'e_S'),
    h: chosen!.words,
  };
}

// ---- offline, once C knows its share ----------------------------------------------------------------------

/** C's strings for S, `stringBytes`, and its tables. `x`: C's shares, [size]. */
export function clientBatchTables(
  planes: Planes,
  { k, bits }: Window,
  x: Uint32Array,
  { k0, k1 }: Pick<ClientBatchKeys, 'k0' | 'k1'>,
): { readonly strings: Uint8Array<ArrayBuffer>; readonly tables: Uint8Array<ArrayBuffer> } {
  planes.start(x.length);
  const comparison = comparisonOf(bits);
  const { keyPlanes, tablePlanes } = layoutOf(comparison);
  const keys = [planes.read(k0, keyPlanes), planes.read(k1, keyPlanes)] as const;
  const { message, tables } = clientTables(planes, comparison, ...keys, planes.ofWords(x, k, bits));
  return { strings: packed(planes, message, keyPlanes), tables: packed(planes, tables, tablePlanes) };
}

/** S's tables. */
export function serverBatchTables(
  planes: Planes,
  windowBits: number,
  size: number,
  { keys, choices }: Pick<ServerBatchKeys, 'keys' | 'choices'>,
  strings: Uint8Array,
): Uint8Array<ArrayBuffer> {
  planes.start(size);
  const comparison = comparisonOf(windowBits);
  const { keyPlanes, tablePlanes } = layoutOf(comparison);
  const tables = serverTables(
    planes,
    comparison,
    planes.read(keys, keyPlanes),
    planes.read(choices, comparison.transfers.length),
    planes.read(strings, keyPlanes),
  );
  return packed(planes, tables, tablePlanes);
}

// ---- online -----------------------------------------------------------------------------------------------

/** The bits that S sends, `signBytes`. `x`: what S tests, [size]. */
export function serverBatchBits(
  planes: Planes,
  { k, bits }: Window,
  x: Uint32Array,
  tables: Uint8Array,
  choices: Uint8Array,
): Uint8Array<ArrayBuffer> {
  planes.start(x.length);
  const comparison = comparisonOf(bits);
  const message = serverBits(
    planes,
    comparison,
    planes.read(tables, layoutOf(comparison).tablePlanes),
    planes.read(choices, comparison.transfers.length),
    planes.ofWords(x, k, bits),
  );
  return packed(planes, message, comparison.transfers.length);
}

/** C's share e_C of each sign, one bit a byte. */
export function clientBatchSigns(
  planes: Planes,
  { k, bits }: Window,
  x: Uint32Array,
  tables: Uint8Array,
  message: Uint8Array,
): Uint8Array<ArrayBuffer> {
  planes.start(x.length);
  const comparison = comparisonOf(bits);
  const share = clientBits(
    planes,
    comparison,
    planes.read(tables, layoutOf(comparison).tablePlanes),
    planes.ofWords(x, k, bits),
    planes.read(message, comparison.transfers.length),
  );
  return unpackBits(packed(planes, share, 1), x.length, 'e_C');
}

function packed(planes: Planes, at: number, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * planes.packedBytes);
  planes.write(at, count, bytes);
  return bytes;
}
