import { copyBits } from '../bits.ts';
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
};
/** Rows `from` to `to` of a block. */
type Piece = { readonly from: number; readonly to: number; readonly content: Promise<BlockRows> };

/** The sequence of rows of a direction: drawn in blocks, promised, and taken once, in order. */
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
    this.#blocks.push({ first: this.#drawn, end: this.#drawn + rows, content, leave: resolve });
    this.#drawn += rows;
    return promise;
  }

  promise(count: number): void {
    this.#promised += count;
  }

  /** The next `count` rows. Throws RangeError beyond those promised. */
  take(count: number): Promise<ChosenRows> {
    const first = this.#taken;
    if (first + count > this.#promised) {
      throw new RangeError(`transfers: expected at most ${this.#promised - first} rows taken, got ${count}`);
    }
    this.#taken += count;
    const pieces = this.#blocks.flatMap((block): Piece[] => {
      const [from, to] = [Math.max(first, block.first), Math.min(this.#taken, block.end)];
      return from < to ? [{ from: from - block.first, to: to - block.first, content: block.content }] : [];
    });
    for (const block of this.#blocks) if (block.end <= this.#taken) block.leave();
    this.#blocks = this.#blocks.filter((block) => block.end > this.#taken);
    return joined(first, count, pieces);
  }
}

async function joined(first: number, count: number, pieces: readonly Piece[]): Promise<ChosenRows> {
  const contents = await Promise.all(pieces.map(({ content }) => content));
  const only = pieces.length === 1 ? contents[0]!.rows : undefined;
  const rows = only?.subarray(rowWords * pieces[0]!.from, rowWords * pieces[0]!.to);
  const all = rows ?? new Uint32Array(rowWords * count);
  const choices = new Uint8Array((count + 7) >>> 3);
  let at = 0;
  for (const [i, { from, to }] of pieces.entries()) {
    const content = contents[i]!;
    if (rows === undefined) all.set(content.rows.subarray(rowWords * from, rowWords * to), rowWords * at);
    if (content.choices.length > 0) copyBits(content.choices, from, choices, at, to - from);
    at += to - from;
  }
  return { first, rows: all, choices };
}
