import { hashBytes } from './column-hash.ts';
import { securityBits } from './transfers.ts';

/**
 * The blocks that SoftSpokenOT draws rows in, and the lengths of their messages. They follow from the numbers
 * of rows alone.
 */

/** A multiple of this many rows is drawn at once: whole 16-byte words of each column. */
export const blockStep = 128;

/** The rows of a block at most: 16 bytes each, beside 16 bytes of columns. */
export const largestBlock: number = 2 ** 18;

/** Rows of each block that nobody takes: they hide what the hash of the choices would tell. */
export const checkRows = 128;

/** Of a message: the hash of the choices, and SHA-256 of the hashes of the columns. */
export const proofBytes: number = hashBytes + 32;

/**
 * The rows of each block that `count` more promised rows need, where `left` rows of earlier blocks are
 * promised to nobody. Blocks are as equal as they can be.
 */
export function blocksOf(count: number, left: number = 0): number[] {
  const steps = Math.ceil(Math.max(0, count - left) / blockStep);
  const blocks = Math.ceil((steps * blockStep) / largestBlock);
  const bound = (block: number) => Math.floor((block * steps) / blocks);
  return Array.from({ length: blocks }, (_, block) => blockStep * (bound(block + 1) - bound(block)));
}

/** The rows that are then promised to nobody. */
export function leftAfter(count: number, left: number = 0): number {
  return blocksOf(count, left).reduce((sum, rows) => sum + rows, left - count);
}

/** Bytes of the message of a block of `rows` rows: a bit a row for each tree but the first, and the proof. */
export function blockBytes(rows: number, depth: number): number {
  return (depthsOf(depth).length - 1) * columnBytes(rows) + proofBytes;
}

/** Bytes of a column: the rows of a block and those of its check. */
export function columnBytes(rows: number): number {
  return (rows + checkRows) / 8;
}

/** A tree has between 2 and 256 leaves. */
export const leastDepth = 1;
export const greatestDepth = 8;

/**
 * The depth that a session has if nothing else is said: 31 bits and 25 ns a transfer and side. 3 sends 42
 * bits in 21 ns, 5 sends 25 bits in 34 ns, 8 sends 15 bits in 210 ns.
 */
export const defaultDepth = 4;

/** The depths of the trees: `depth` each, the last what is left of 128. */
export function depthsOf(depth: number): number[] {
  const whole = Array.from({ length: Math.floor(securityBits / depth) }, () => depth);
  return securityBits % depth === 0 ? whole : [...whole, securityBits % depth];
}
