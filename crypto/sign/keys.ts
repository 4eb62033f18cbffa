import { rowKey, rowsPerKey } from '../hash.ts';
import { rowWords } from '../ot/transfers.ts';
import type { OfferedRows } from '../ot/transfers.ts';
import { asBytes } from '../bits.ts';
import type { Address, Planes } from '../ring/planes.ts';
import type { Comparison } from './comparison.ts';
import { layoutOf } from './layout.ts';

/** Keys of one party's transfers for a batch of elements. */
export type Keys = {
  /** `keyPlanes` planes */
  readonly planes: Address;
  /** Word 0 of the key of the last transfer of each element: the second random transfer of the ReLU step. */
  readonly words: Uint32Array<ArrayBuffer>;
};

/** Of rows that are hashed as they are. */
export const noOffset: Uint32Array = new Uint32Array(rowWords);

/** Bits of a row's hash. */
const hashBits = 128;

/**
 * Hashes rows, [transfers, size], to keys: once for each of `offsets` (4 words), which are xored to the rows.
 * A key takes the low bits of H(row, position); a key of more than 128 bits goes on with those of another
 * tweak.
 */
export function keysOf(
  planes: Planes,
  comparison: Comparison,
  size: number,
  salt: Uint8Array,
  { first, rows }: OfferedRows,
  offsets: readonly Uint32Array[],
): Keys[] {
  const { transfers } = comparison;
  const { keyAt, keyPlanes } = layoutOf(comparison);
  const source = planes.rowRoom(transfers.length * size);
  const outputs = offsets.map((offset) => ({
    offset: addressOf(planes, asBytes(offset)),
    planes: planes.room(keyPlanes),
    hashes: planes.rowRoom(transfers.length * size),
  }));
  planes.bytes(source, 4 * rows.length).set(asBytes(rows));
  const hash = (transfer: number, count: number, block: number) => {
    const at = 4 * rowWords * size * transfer;
    const into = outputs.map(({ offset, hashes }) => ({ offset, hashes: hashes + at }));
    hashRows(planes, salt, source + at, { first: first + size * transfer, count, block }, into);
  };
  hash(0, transfers.length * size, 0);
  // The last transfer's words come before second blocks overwrite hashes; it has no second block itself.
  const words = outputs.map(({ hashes }) =>
    planes.wordOfRows(hashes + 4 * rowWords * size * (transfers.length - 1), 0),
  );
  for (const [transfer, { keyBits }] of transfers.entries()) {
    for (let from = 0, block = 0; from < keyBits; from += hashBits, block++) {
      if (block > 0) hash(transfer, size, block);
      for (const output of outputs) {
        const to = planes.plane(output.planes, keyAt[transfer]! + from);
        const rowsAt = output.hashes + 4 * rowWords * size * transfer;
        planes.ofRows(rowsAt, Math.min(hashBits, keyBits - from), to);
      }
    }
  }
  return outputs.map((output, i) => ({ planes: output.planes, words: words[i]! }));
}

function addressOf(planes: Planes, bytes: Uint8Array): Address {
  const at = planes.rowRoom(1);
  planes.bytes(at, bytes.length).set(bytes);
  return at;
}

/** Rows `first` to `first + count` of a direction, and the block of their keys that is wanted. */
type Range = { readonly first: number; readonly count: number; readonly block: number };

/** Writes H(row xor offset) of each row at `source` to each output. */
function hashRows(
  planes: Planes,
  salt: Uint8Array,
  source: Address,
  { first, count, block }: Range,
  outputs: readonly { readonly offset: Address; readonly hashes: Address }[],
): void {
  for (let from = 0; from < count;) {
    const position = first + from;
    const rows = Math.min(count - from, rowsPerKey - (position % rowsPerKey));
    const encrypt = rowKey(salt, Math.floor(position / rowsPerKey), block);
    const at = 4 * rowWords * from;
    for (const { offset, hashes } of outputs) {
      planes.sigma(source + at, rows, offset, hashes + at);
      planes.addEncrypted(hashes + at, 4 * rowWords * rows, encrypt);
    }
    from += rows;
  }
}

/** The keys' words of rows in a row, for transfers that give ring elements. */
export function wordKeys(
  planes: Planes,
  salt: Uint8Array,
  { first, rows }: OfferedRows,
  offsets: readonly Uint32Array[],
): Uint32Array<ArrayBuffer>[] {
  const count = rows.length / rowWords;
  planes.start(count);
  const source = planes.rowRoom(count);
  const outputs = offsets.map((offset) => ({
    offset: addressOf(planes, asBytes(offset)),
    hashes: planes.rowRoom(count),
  }));
  planes.bytes(source, 4 * rows.length).set(asBytes(rows));
  hashRows(planes, salt, source, { first, count, block: 0 }, outputs);
  return outputs.map(({ hashes }) => planes.wordOfRows(hashes, 0));
}
