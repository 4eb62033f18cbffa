import { readWasm } from '../platform/platform.ts';
import { instantiate } from '../platform/wasm.ts';
import type { Instance } from '../platform/wasm.ts';

type Kernels = {
  heapBase(): number;
  addLeaves(
    leaves: number,
    bytes: number,
    low: number,
    depth: number,
    group: number,
    columns: number,
    correction: number,
    masks: number,
    total: number,
    start: number,
  ): void;
  rows(columns: number, bytes: number, out: number, low: bigint, high: bigint): void;
  bucketBytes(): number;
  weights(h: number, count: number, multiples: number, buckets: number, out: number): void;
  ghash(
    runs: number,
    bytes: number,
    count: number,
    weights: number,
    multiples: number,
    buckets: number,
    out: number,
  ): void;
};

/** The columns of a row. */
export const columnCount = 128;

/** Leaves that are added up at a time: 16 streams of 32 KiB stay in a cache of the second level. */
const groupDepth = 4;

const blockBytes = 16;
/** Of GHASH: 128 multiples of its key, or sums of blocks. */
const multiplesBytes = 128 * blockBytes;

const roundUp = (bytes: number) => Math.ceil(bytes / 64) * 64;

/**
 * 128 columns of bits, sums over the leaves of trees, in one memory from the leaves to the rows. Views are
 * valid until `start` is called again, which every block of rows does. One instance serves one thread.
 */
export class Columns {
  readonly #kernels: Kernels;
  readonly #memory: Instance<Kernels>['memory'];
  /** Of GHASH: its key, then the hashes of all columns. */
  readonly #key: number;
  readonly #multiples: number;
  readonly #buckets: number;
  readonly #leaves: number;
  #bytes = 0;
  #columns = 0;
  #totals = 0;
  #rows = 0;

  constructor({ kernels, memory }: Instance<Kernels>) {
    this.#kernels = kernels;
    this.#memory = memory;
    this.#key = roundUp(kernels.heapBase());
    this.#multiples = roundUp(this.#key + blockBytes * (1 + columnCount));
    this.#buckets = this.#multiples + multiplesBytes;
    this.#leaves = this.#buckets + roundUp(kernels.bucketBytes());
    this.start(0, 0);
  }

  /** Begins a block: columns of `bytes` bytes, a multiple of 16, as sums over so many trees. */
  start(bytes: number, trees: number): void {
    if (bytes % 16 !== 0) throw new RangeError(`columns: expected whole blocks of 16 bytes, got ${bytes}`);
    this.#bytes = bytes;
    this.#columns = this.#leaves + roundUp(2 ** groupDepth * bytes);
    this.#totals = this.#columns + roundUp(columnCount * bytes);
    this.#rows = this.#totals + roundUp(trees * bytes);
    this.#growTo(this.#rows + columnCount * bytes);
  }

  #growTo(end: number): void {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
  }

  /**
   * Sums up tree `tree`, whose 2^depth leaves are `write`n to the bytes they are given, in their order. Its
   * total takes that of the first tree too, for all trees but the first. Column `first` + j is the sum of the
   * leaves whose number has bit j set.
   */
  sum(tree: number, first: number, depth: number, write: WriteLeaf): void {
    const start = tree === 0 ? 0 : this.#totals;
    this.#add(first, depth, write, { correction: this.#leaves, masks: 0, total: this.#total(tree), start });
  }

  /**
   * The same for whoever lacks a leaf: column `first` + j also takes the total that was put in `totals` for
   * this tree, where bit j of `masks` is set.
   */
  sumCorrected(tree: number, first: number, depth: number, write: WriteLeaf, masks: number): void {
    // The rows come after the columns, so their place is free for a total that nobody asks for.
    const own = { correction: this.#total(tree), masks, total: this.#rows, start: 0 };
    this.#add(first, depth, write, own);
  }

  #add(
    first: number,
    depth: number,
    write: WriteLeaf,
    { correction, masks, total, start }: { correction: number; masks: number; total: number; start: number },
  ): void {
    const low = Math.min(depth, groupDepth);
    const to = this.#columns + first * this.#bytes;
    for (let group = 0; group < 2 ** (depth - low); group++) {
      for (let i = 0; i < 2 ** low; i++) {
        write(group * 2 ** low + i, this.#view(this.#leaves + i * this.#bytes, this.#bytes));
      }
      this.#kernels.addLeaves(
        this.#leaves,
        this.#bytes,
        low,
        depth,
        group,
        to,
        correction,
        masks,
        total,
        start,
      );
    }
  }

  /** The totals of `count` trees from tree `from` on, one after the other. */
  totals(from: number, count: number): Uint8Array<ArrayBuffer> {
    return this.#view(this.#total(from), count * this.#bytes);
  }

  /** All columns, one after the other. */
  get columns(): Uint8Array<ArrayBuffer> {
    return this.#view(this.#columns, columnCount * this.#bytes);
  }

  /**
   * The first `count` rows, 4 words each: bit j of row i is bit i of column j, xor x^i times `factor`. Bit b
   * of a row or of the factor is the coefficient of x^b in GF(2)[x] / (x^128 + x^7 + x^2 + x + 1).
   */
  rows(count: number, factor: Uint8Array): Uint32Array<ArrayBuffer> {
    const halves = new DataView(factor.buffer, factor.byteOffset, 16);
    const [low, high] = [halves.getBigInt64(0, true), halves.getBigInt64(8, true)];
    this.#kernels.rows(this.#columns, this.#bytes, this.#rows, low, high);
    return new Uint32Array(this.#memory.buffer, this.#rows, 4 * count).slice();
  }

  /**
   * The linear part of GHASH (SP 800-38D) under a public H = `h` for runs of `bytes` bytes, a multiple of 16.
   * Valid until `start`, `rows` or `ghash` is called again.
   */
  ghash(h: Uint8Array, bytes: number): Ghash {
    if (bytes % blockBytes !== 0) {
      throw new RangeError(`ghash: expected runs of 16-byte blocks, got ${bytes} bytes`);
    }
    // Rows come later, so their place is free.
    const weights = this.#rows;
    this.#growTo(weights + bytes);
    this.#view(this.#key, blockBytes).set(h);
    this.#kernels.weights(this.#key, bytes / blockBytes, this.#multiples, this.#buckets, weights);
    return {
      ofRuns: (runs) => this.#hashes(runs, bytes, weights),
      ofOnes: (places) => this.#sumOf(weights, places),
    };
  }

  #hashes(runs: Uint8Array, bytes: number, weights: number): Uint8Array<ArrayBuffer> {
    const count = runs.length / bytes;
    const at = runs.buffer === this.#memory.buffer ? runs.byteOffset : this.#copied(runs, weights + bytes);
    const out = this.#key + blockBytes;
    this.#kernels.ghash(at, bytes, count, weights, this.#multiples, this.#buckets, out);
    return this.#view(out, blockBytes * count).slice();
  }

  #copied(runs: Uint8Array, to: number): number {
    this.#growTo(to + runs.length);
    this.#view(to, runs.length).set(runs);
    return to;
  }

  #sumOf(blocks: number, places: Iterable<number>): Uint8Array<ArrayBuffer> {
    const sum = new Uint8Array(blockBytes);
    for (const place of places) {
      const block = this.#view(blocks + blockBytes * place, blockBytes);
      for (let i = 0; i < blockBytes; i++) sum[i]! ^= block[i]!;
    }
    return sum;
  }

  #total(tree: number): number {
    return this.#totals + tree * this.#bytes;
  }

  #view(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, at, bytes);
  }
}

/** Hashes of runs of one length: block i of n times H^(n + 2 - i), i from 1 on, added up. */
export type Ghash = {
  /**
   * Of at most 128 runs, one after the other, [count, 16 bytes]: some 10 ns a block, the same for all values.
   * Runs that are not in the memory of `Columns` are copied there.
   */
  readonly ofRuns: (runs: Uint8Array) => Uint8Array<ArrayBuffer>;
  /** Of the run whose blocks are the field's 1 at these places, from 0 on, and 0 elsewhere. */
  readonly ofOnes: (places: Iterable<number>) => Uint8Array<ArrayBuffer>;
};

/** Writes the stream of leaf `leaf` to `to`. */
export type WriteLeaf = (leaf: number, to: Uint8Array<ArrayBuffer>) => void;

let loaded: Promise<Columns> | undefined;

/** The columns of this thread. */
export function loadColumns(): Promise<Columns> {
  loaded ??= readWasm('crypto/ring/columns.wasm').then(createColumns);
  return loaded;
}

/** Columns with a memory of their own, from the bytes of columns.wasm. */
export async function createColumns(binary: Uint8Array<ArrayBuffer>): Promise<Columns> {
  return new Columns(await instantiate<Kernels>(binary));
}
