import { copyBits } from '../bits.ts';
import { release } from '../../src/shared/release.ts';
import { rowWords } from './transfers.ts';
import type { ChosenRows } from './transfers.ts';

/** The rows of a block as they are made; `choices` is empty for the party that offers. */
export type BlockRows = { readonly rows: Uint32Array; readonly choices: Uint8Array };

type Block = {
  readonly first: number;
  readonly end: number;
  readonly content: Promise<BlockRows>;
  /** Called when all its rows are taken. */
  readonly leave: () => void;
  /** Rows that nobody has a copy of yet. */
  uncopied: number;
};
/** Rows `from` to `to` of a block. */
type Piece = { readonly from: number; readonly to: number; readonly block: Block };

/**
 * The sequence of rows of a direction: drawn in blocks, promised, and taken once, in order. A block's own
 * arrays are released when all of its rows are taken.
 */
export class RowQueue {
  #blocks: Block[] = [];
  #drawn = 0;
  #promised = 0;
  #taken = 0;

  /** Rows that were drawn and promised to nobody. */
  get left(): number {
    return this.#drawn - this.#promised;
  }

  /**
   * Adds a block of `rows` rows whose content comes later, or fails. Resolves when all of them are taken.
   */
  add(rows: number, content: Promise<BlockRows>): Promise<void> {
    // Whoever takes a row learns of the failure; until then nobody may be waiting.
    content.catch(() => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    const [first, end] = [this.#drawn, this.#drawn + rows];
    this.#blocks.push({ first, end, content, leave: resolve, uncopied: rows });
    this.#drawn += rows;
    return promise;
  }

  promise(count: number): void {
    this.#promised += count;
  }

  /** The next `count` rows, in arrays of the caller's own. Throws RangeError beyond those promised. */
  take(count: number): Promise<ChosenRows> {
    const first = this.#taken;
    if (first + count > this.#promised) {
      throw new RangeError(`transfers: expected at most ${this.#promised - first} rows taken, got ${count}`);
    }
    this.#taken += count;
    const pieces = this.#blocks.flatMap((block): Piece[] => {
      const [from, to] = [Math.max(first, block.first), Math.min(this.#taken, block.end)];
      return from < to ? [{ from: from - block.first, to: to - block.first, block }] : [];
    });
    for (const block of this.#blocks) if (block.end <= this.#taken) block.leave();
    this.#blocks = this.#blocks.filter((block) => block.end > this.#taken);
    return joined(first, count, pieces);
  }
}

async function joined(first: number, count: number, pieces: readonly Piece[]): Promise<ChosenRows> {
  const contents = await Promise.all(pieces.map(({ block }) => block.content));
  const rows = new Uint32Array(rowWords * count);
  const choices = new Uint8Array((count + 7) >>> 3);
  let at = 0;
  for (const [i, { from, to, block }] of pieces.entries()) {
    const content = contents[i]!;
    rows.set(content.rows.subarray(rowWords * from, rowWords * to), rowWords * at);
    if (content.choices.length > 0) copyBits(content.choices, from, choices, at, to - from);
    block.uncopied -= to - from;
    if (block.uncopied === 0) release(content.rows, content.choices);
    at += to - from;
  }
  return { first, rows, choices };
}
