import { readWasm } from '../platform/platform.ts';
import type { Encrypt } from '../platform/platform.ts';
import { instantiate } from '../platform/wasm.ts';
import type { Instance } from '../platform/wasm.ts';

type Kernels = {
  heapBase(): number;
  nodesOf(rows: number, count: number, out: number): void;
  grow(nodes: number, encrypted: number, places: number, trees: number, sums: number): void;
  leaves(nodes: number, encrypted: number, places: number, trees: number, sums: number, out: number): void;
  correct(rows: number, depth: number, level: number, trees: number, sums: number, out: number): void;
  startPunctured(
    nodes: number,
    trees: number,
    rows: number,
    depth: number,
    corrections: number,
    known: number,
    holes: number,
  ): void;
  mend(
    nodes: number,
    places: number,
    trees: number,
    rows: number,
    depth: number,
    level: number,
    corrections: number,
    sums: number,
    known: number,
    holes: number,
    ofZero: number,
    last: number,
  ): void;
  encode(out: number, table: number, indices: number, count: number, mask: bigint): void;
  choices(rows: number, count: number, out: number): void;
  differ(rows: number, count: number, low: bigint, high: bigint): void;
};

/** The sizes of an iteration. */
export type Shape = {
  /** Trees, a multiple of `batch`, each with 2^depth leaves. */
  readonly trees: number;
  readonly depth: number;
  /** Trees in work at a time: 2^15 leaves or so stay in a cache of the second level. */
  readonly batch: number;
  /** Rows of the secret, a power of two up to 2^16. */
  readonly secret: number;
};

const rowBytes = 16;
/** Bytes of the ten indices of a row of the code. */
export const indexBytes = 20;
/** Rows whose indices are drawn at a time. */
const drawnRows = 2 ** 12;

/**
 * Whether the indices of the code stay in the memory for the next iteration, or are drawn anew in each, a
 * piece at a time: 15.7 MB or 80 kB of s16. The rows are the same.
 */
export type Indices = 'kept' | 'drawn';
/**
 * Bytes that the cipher takes in a call: calls of 4 KiB cost three times as much, and longer ones map pages.
 */
const callBytes = 2 ** 16;

const roundUp = (bytes: number) => Math.ceil(bytes / 64) * 64;

/**
 * Trees and code of one iteration of silent transfers, in one memory. The rows of the iteration before lie at
 * `carried`: those of the secret first, then one for each level of each tree, then those of the check. Views
 * are valid until `start` is called again. One instance serves one thread.
 */
export class Silent {
  readonly #kernels: Kernels;
  readonly #memory: Instance<Kernels>['memory'];
  #shape: Shape = { trees: 0, depth: 1, batch: 1, secret: 1 };
  #at = {
    nodes: 0,
    encrypted: 0,
    sums: 0,
    known: 0,
    holes: 0,
    row: 0,
    corrections: 0,
    carried: 0,
    out: 0,
    indices: 0,
  };
  #indices: Indices = 'kept';
  /** Whose indices are kept, by name. */
  #indicesOf = '';

  constructor({ kernels, memory }: Instance<Kernels>) {
    this.#kernels = kernels;
    this.#memory = memory;
  }

  /** Begins an iteration, with `carried` rows of the one before. */
  start(shape: Shape, carried: Uint32Array, kind: Indices): void {
    const { trees, depth, batch, secret } = shape;
    let next = roundUp(this.#kernels.heapBase());
    const take = (bytes: number) => {
      const at = next;
      next += roundUp(bytes);
      return at;
    };
    const own = rowBytes * batch;
    this.#shape = shape;
    this.#at = {
      nodes: take((own << depth) / 2),
      encrypted: take((own << depth) / 2),
      sums: take(own),
      known: take(own),
      holes: take(4 * batch),
      row: take(rowBytes),
      corrections: take(own),
      carried: take(4 * carried.length),
      out: take((rowBytes * trees) << depth),
      indices: take(indexBytes * (kind === 'kept' ? trees << depth : drawnRows)),
    };
    this.#indices = kind;
    const missing = next - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    if (secret > 2 ** 16)
      throw new RangeError(`silent: expected a secret of at most 2^16 rows, got ${secret}`);
    new Uint32Array(this.#memory.buffer, this.#at.carried, carried.length).set(carried);
  }

  /** Bytes of the leaves, and later of the rows, of all trees: batch by batch, place by place. */
  get out(): Uint8Array<ArrayBuffer> {
    const { trees, depth } = this.#shape;
    return this.#view(this.#at.out, (rowBytes * trees) << depth);
  }

  /** The leaves of the trees of batch `batch`, one after the other. */
  leavesOf(batch: number): Uint8Array<ArrayBuffer> {
    const bytes = rowBytes * this.#batchRows;
    return this.#view(this.#at.out + batch * bytes, bytes);
  }

  get #batchRows(): number {
    return this.#shape.batch << this.#shape.depth;
  }

  /**
   * Grows the trees of a batch from their left children of the root, [batch, 16 bytes]; the right ones are
   * these xor `delta`. `put` takes the corrections of each level, [batch, 16 bytes].
   */
  growTrees(
    batch: number,
    lefts: Uint8Array,
    delta: Uint8Array,
    encrypt: Encrypt,
    put: (level: number, corrections: Uint8Array) => void,
  ): void {
    const { depth, batch: trees } = this.#shape;
    const { sums, corrections } = this.#at;
    const rows = this.#treeRows(batch);
    const own = rowBytes * trees;
    const done = (level: number) => {
      this.#kernels.correct(rows, depth, level, trees, sums, corrections);
      put(level, this.#view(corrections, own));
    };
    this.#view(sums, own).set(lefts);
    done(0);
    // The leaves' place is free until the last level.
    const out = this.leavesOf(batch);
    out.set(lefts);
    for (let i = 0; i < own; i++) out[own + i] = lefts[i]! ^ delta[i & 15]!;
    this.#kernels.nodesOf(out.byteOffset, 2 * trees, this.#at.nodes);
    for (let level = 1; level < depth; level++) {
      this.#level(level, encrypt, out.byteOffset);
      done(level);
    }
  }

  /**
   * The same for whoever punctures, from the corrections of each level. Returns the place of each tree's
   * hole, where the leaf is the sender's + Delta.
   */
  growPunctured(
    batch: number,
    encrypt: Encrypt,
    correctionsOf: (level: number) => Uint8Array,
  ): Uint32Array<ArrayBuffer> {
    const { depth, batch: trees } = this.#shape;
    const { nodes, sums, corrections, known, holes, row } = this.#at;
    const rows = this.#treeRows(batch);
    const out = this.leavesOf(batch).byteOffset;
    const take = (level: number) => this.#view(corrections, rowBytes * trees).set(correctionsOf(level));
    this.#view(row, rowBytes).set(encrypt(new Uint8Array(rowBytes)));
    take(0);
    this.#kernels.startPunctured(nodes, trees, rows, depth, corrections, known, holes);
    for (let level = 1; level < depth; level++) {
      this.#level(level, encrypt, out);
      take(level);
      const last = level === depth - 1;
      this.#kernels.mend(
        ...([last ? out : nodes, 2 ** level, trees, rows, depth, level, corrections] as const),
        ...([sums, known, holes, row, last ? 1 : 0] as const),
      );
    }
    return new Uint32Array(this.#memory.buffer, holes, trees).slice();
  }

  /** Makes level `level` + 1 of the nodes from level `level`, the last one at `out`. */
  #level(level: number, encrypt: Encrypt, out: number): void {
    const { depth, batch: trees } = this.#shape;
    const { nodes, encrypted, sums } = this.#at;
    const places = 2 ** level;
    const bytes = rowBytes * trees * places;
    for (let at = 0; at < bytes; at += callBytes) {
      const length = Math.min(callBytes, bytes - at);
      encrypt(this.#view(nodes + at, length), this.#view(encrypted + at, length));
    }
    if (level < depth - 1) this.#kernels.grow(nodes, encrypted, places, trees, sums);
    else this.#kernels.leaves(nodes, encrypted, places, trees, sums, out);
  }

  /** The rows of the levels of a batch's trees. */
  #treeRows(batch: number): number {
    const { depth, batch: trees, secret } = this.#shape;
    return this.#at.carried + rowBytes * (secret + batch * trees * depth);
  }

  /**
   * Adds the code to all leaves. `open` begins the stream of the indices of all rows, `indexBytes` each.
   * Those that are kept serve every iteration of the same `name`.
   */
  encode(name: string, open: () => (bytes: number) => Uint8Array): void {
    const isKept = this.#indices === 'kept';
    const { indices } = this.#at;
    const at = (row: number) => indices + (isKept ? indexBytes * row : 0);
    const known = isKept && this.#indicesOf === name;
    const draw = known ? undefined : open();
    // Whatever was kept is overwritten, also when the drawing fails.
    if (!known) this.#indicesOf = '';
    for (const [row, count] of this.#pieces()) {
      if (draw !== undefined) this.#view(at(row), indexBytes * count).set(draw(indexBytes * count));
      this.#encode(row, count, at(row));
    }
    if (isKept) this.#indicesOf = name;
  }

  #encode(row: number, count: number, indices: number): void {
    const { out, carried } = this.#at;
    this.#kernels.encode(out + rowBytes * row, carried, indices, count, BigInt(this.#shape.secret - 1));
  }

  /** First row and length of each piece of the rows. */
  *#pieces(): Generator<[row: number, count: number]> {
    const rows = this.#shape.trees << this.#shape.depth;
    for (let row = 0; row < rows; row += drawnRows) yield [row, Math.min(drawnRows, rows - row)];
  }

  /** Row i of the first `count` rows takes x^i `factor` (16 bytes). */
  differ(count: number, factor: Uint8Array): void {
    const halves = new DataView(factor.buffer, factor.byteOffset, rowBytes);
    const [low, high] = [halves.getBigInt64(0, true), halves.getBigInt64(8, true)];
    this.#kernels.differ(this.#at.out, count, low, high);
  }

  /** The choices of `count` rows, a multiple of 8, packed. */
  choices(count: number): Uint8Array<ArrayBuffer> {
    // The place of the encryptions is free.
    const at = this.#at.encrypted;
    if (count / 8 > this.#at.sums - at) throw new RangeError(`silent: ${count} choices are too many`);
    this.#kernels.choices(this.#at.out, count, at);
    return this.#view(at, count / 8).slice();
  }

  /** Rows `from` to `to` of the iteration, 4 words each. */
  rows(from: number, to: number): Uint32Array<ArrayBuffer> {
    const { out } = this.#at;
    return new Uint32Array(this.#memory.buffer, out + rowBytes * from, 4 * (to - from)).slice();
  }

  #view(at: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, at, bytes);
  }
}

let loaded: Promise<Silent> | undefined;

/** That of this thread. */
export function loadSilent(): Promise<Silent> {
  loaded ??= readWasm('crypto/ring/silent.wasm').then(createSilent);
  return loaded;
}

/** One with a memory of its own, from the bytes of silent.wasm. */
export async function createSilent(binary: Uint8Array<ArrayBuffer>): Promise<Silent> {
  return new Silent(await instantiate<Kernels>(binary));
}
