import { readWasm } from '../platform/platform.ts';
import type { Encrypt } from '../platform/platform.ts';
import { instantiate } from '../platform/wasm.ts';
import type { Instance } from '../platform/wasm.ts';

type Kernels = {
  heapBase(): number;
  xor(a: number, b: number, out: number, bytes: number): void;
  and(a: number, b: number, out: number, bytes: number): void;
  not(a: number, out: number, bytes: number): void;
  addMasked(out: number, x: number, mask: number, planes: number, bytes: number): void;
  swap(a: number, b: number, when: number, bytes: number): void;
  halve(table: number, pairs: number, bit: number, out: number, bytes: number): void;
  wordPlanes(words: number, count: number, first: number, bits: number, out: number, stride: number): void;
  rowPlanes(rows: number, count: number, bits: number, out: number, stride: number): void;
  sigma(rows: number, count: number, offset: number, out: number): void;
  wordOfRows(rows: number, count: number, word: number, out: number): void;
};

/** A place in the memory of `Planes`, in bytes. */
export type Address = number;

/**
 * Bit planes of `size` elements: one bit of every element, packed. Work on them is the same for all values.
 * Addresses are valid until `start` is called again, which every batch of elements does. One instance serves
 * one thread.
 */
export class Planes {
  readonly #kernels: Kernels;
  readonly #memory: Instance<Kernels>['memory'];
  #next = 0;
  #size = 0;
  /** Bytes from one plane to the next: whole vectors. */
  #stride = 0;

  constructor({ kernels, memory }: Instance<Kernels>) {
    this.#kernels = kernels;
    this.#memory = memory;
  }

  /** Begins a batch of `size` elements and gives up everything before it. */
  start(size: number): void {
    this.#size = size;
    this.#stride = 16 * Math.ceil(size / 128);
    this.#next = Math.ceil(this.#kernels.heapBase() / 64) * 64;
  }

  /** Room for `count` planes, one after the other. What they hold is not defined. */
  room(count: number): Address {
    return this.#take(count * this.#stride);
  }

  /** The plane `index` of those at `at`. */
  plane(at: Address, index: number): Address {
    return at + index * this.#stride;
  }

  #take(bytes: number): Address {
    const at = this.#next;
    // Kernels read whole groups of 16 rows.
    this.#next = at + Math.ceil(bytes / 64) * 64;
    const missing = this.#next + 256 - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  xor(a: Address, b: Address, out: Address, planes: number = 1): Address {
    this.#kernels.xor(a, b, out, planes * this.#stride);
    return out;
  }

  and(a: Address, b: Address, out: Address): Address {
    this.#kernels.and(a, b, out, this.#stride);
    return out;
  }

  not(a: Address, out: Address): Address {
    this.#kernels.not(a, out, this.#stride);
    return out;
  }

  clear(at: Address, planes: number): Address {
    new Uint8Array(this.#memory.buffer, at, planes * this.#stride).fill(0);
    return at;
  }

  copy(from: Address, to: Address, planes: number): void {
    new Uint8Array(this.#memory.buffer).copyWithin(to, from, from + planes * this.#stride);
  }

  /** `planes` planes at `out`: each xor the plane of `x` of the same number where `mask` is set. */
  addMasked(out: Address, x: Address, mask: Address, planes: number): void {
    this.#kernels.addMasked(out, x, mask, planes, this.#stride);
  }

  /** Exchanges the planes a and b where `when` is set. */
  swap(a: Address, b: Address, when: Address): void {
    this.#kernels.swap(a, b, when, this.#stride);
  }

  /**
   * Entry `index` of each element's table of 2^w bits, w being the number of planes of the index, its lowest
   * bit first.
   */
  look(table: Address, index: readonly Address[]): Address {
    const out = this.room(2 ** index.length / 2);
    let from = table;
    for (const [i, bit] of index.entries()) {
      this.#kernels.halve(from, 2 ** (index.length - 1 - i), bit, out, this.#stride);
      from = out;
    }
    return out;
  }

  /** Planes of bits `first` to `first + bits - 1` of words, [size]. */
  ofWords(words: Uint32Array, first: number, bits: number): Address {
    const from = this.#take(4 * 16 * Math.ceil(words.length / 16));
    new Uint32Array(this.#memory.buffer, from, words.length).set(words);
    const out = this.clear(this.room(bits), bits);
    this.#kernels.wordPlanes(from, words.length, first, bits, out, this.#stride);
    return out;
  }

  /**
   * Planes of the low `bits` (at most 128) of `size` rows of 16 bytes. Lanes beyond `size` are not defined.
   */
  ofRows(rows: Address, bits: number, out: Address): void {
    this.#kernels.rowPlanes(rows, this.#size, bits, out, this.#stride);
  }

  /** Room for `count` rows of 16 bytes. */
  rowRoom(count: number): Address {
    return this.#take(16 * count);
  }

  /** sigma(row xor offset) of each row, [count, 16 bytes], in place of what `out` held. */
  sigma(rows: Address, count: number, offset: Address, out: Address): void {
    this.#kernels.sigma(rows, count, offset, out);
  }

  /** Xors to `length` bytes, whole blocks, what they are encrypted to. */
  addEncrypted(to: Address, length: number, encrypt: Encrypt): void {
    const next = this.#next;
    const from = this.#take(length);
    encrypt(this.bytes(to, length), this.bytes(from, length));
    this.#kernels.xor(to, from, to, length);
    this.#next = next;
  }

  /** Word `word` of each of `size` rows. */
  wordOfRows(rows: Address, word: number): Uint32Array<ArrayBuffer> {
    const out = this.#take(4 * this.#size);
    this.#kernels.wordOfRows(rows, this.#size, word, out);
    return new Uint32Array(this.#memory.buffer, out, this.#size).slice();
  }

  /** The bytes at an address, which writes change until the memory grows. */
  bytes(at: Address, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  /** Bytes of a plane as messages carry it. */
  get packedBytes(): number {
    return Math.ceil(this.#size / 8);
  }

  /** Writes planes as messages carry them: one after the other in whole bytes, with zero bits at the end. */
  write(at: Address, planes: number, to: Uint8Array): void {
    const bytes = this.packedBytes;
    if (bytes === 0) return;
    const source = this.bytes(at, planes * this.#stride);
    if (8 * this.#stride === this.#size) return to.set(source);
    const used = 0xff >>> (8 * bytes - this.#size);
    for (let p = 0; p < planes; p++) {
      to.set(source.subarray(p * this.#stride, p * this.#stride + bytes), p * bytes);
      to[(p + 1) * bytes - 1]! &= used;
    }
  }

  /** The inverse of `write`: planes from packed bytes. */
  read(packed: Uint8Array, planes: number): Address {
    const at = this.room(planes);
    const bytes = this.packedBytes;
    const target = this.bytes(at, planes * this.#stride);
    if (bytes === this.#stride) {
      target.set(packed.subarray(0, planes * bytes));
      return at;
    }
    target.fill(0);
    for (let p = 0; p < planes; p++)
      target.set(packed.subarray(p * bytes, (p + 1) * bytes), p * this.#stride);
    return at;
  }
}

let loaded: Promise<Planes> | undefined;

/** The planes of this thread. */
export function loadPlanes(): Promise<Planes> {
  loaded ??= readWasm('crypto/ring/planes.wasm').then(createPlanes);
  return loaded;
}

/** Planes with a memory of their own, from the bytes of planes.wasm. */
export async function createPlanes(binary: Uint8Array<ArrayBuffer>): Promise<Planes> {
  return new Planes(await instantiate<Kernels>(binary));
}
