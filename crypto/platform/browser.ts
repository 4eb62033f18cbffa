import { sha256 } from '@noble/hashes/sha2.js';
import { blockBytes, checkBlocks } from './platform.ts';
import type { Encrypt, Platform } from './platform.ts';
import { instantiate } from './wasm.ts';
import type { Instance } from './wasm.ts';

type Kernels = {
  heapBase(): number;
  scheduleBytes(): number;
  schedule(key: number, out: number): void;
  ecb(keys: number, at: number, count: number): void;
  ctr(keys: number, high: bigint, low: bigint, at: number, count: number): void;
};

/**
 * The platform of a browser: AES by the kernels of aes.as.ts, at a third of OpenSSL's speed; SHA-256 by
 * noble-hashes. It has no GHASH, for which crypto/ring has a kernel.
 */
export async function browserPlatform(
  readWasm: Platform['readWasm'],
  readSeal?: Platform['readSeal'],
): Promise<Platform> {
  const aes = new Aes(await instantiate<Kernels>(await readWasm('crypto/platform/aes.wasm')));
  return {
    aesEcb: (key) => aes.ecb(key),
    aesCtr: (key, counter) => aes.ctr(key, counter),
    sha256: (...parts) => {
      const hash = sha256.create();
      for (const part of parts) hash.update(part);
      return new Uint8Array(hash.digest());
    },
    readWasm,
    ...(readSeal !== undefined && { readSeal }),
  };
}

/** The blocks that the kernels encrypt at once. */
const stride = 8;

class Aes {
  readonly #instance: Instance<Kernels>;
  readonly #schedule: number;
  readonly #data: number;

  constructor(instance: Instance<Kernels>) {
    this.#instance = instance;
    this.#schedule = Math.ceil(instance.kernels.heapBase() / blockBytes) * blockBytes;
    this.#data = this.#schedule + instance.kernels.scheduleBytes();
  }

  ecb(key: Uint8Array): Encrypt {
    const schedule = this.#expand(key);
    return (blocks, to = new Uint8Array(blocks.byteLength)) => {
      checkBlocks(blocks, to);
      const memory = this.#load(schedule, blocks.byteLength);
      memory.set(blocks, this.#data);
      this.#instance.kernels.ecb(this.#schedule, this.#data, wholeStrides(blocks.byteLength));
      to.set(memory.subarray(this.#data, this.#data + blocks.byteLength));
      return to;
    };
  }

  ctr(key: Uint8Array, counter: Uint8Array): (n: number) => Uint8Array<ArrayBuffer> {
    const schedule = this.#expand(key);
    const view = new DataView(counter.buffer, counter.byteOffset, blockBytes);
    let next = (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
    let rest = new Uint8Array(0);
    return (n) => {
      const bytes = new Uint8Array(n);
      const left = rest.subarray(0, n);
      bytes.set(left);
      rest = rest.subarray(left.length);
      if (left.length === n) return bytes;
      const missing = n - left.length;
      const blocks = Math.ceil(missing / blockBytes);
      const memory = this.#load(schedule, blocks * blockBytes);
      const [high, low] = [BigInt.asUintN(64, next >> 64n), BigInt.asUintN(64, next)];
      this.#instance.kernels.ctr(this.#schedule, high, low, this.#data, wholeStrides(blocks * blockBytes));
      next += BigInt(blocks);
      const end = this.#data + missing;
      bytes.set(memory.subarray(this.#data, end), left.length);
      rest = memory.slice(end, this.#data + blocks * blockBytes);
      return bytes;
    };
  }

  #expand(key: Uint8Array): Uint8Array {
    const memory = this.#memory(blockBytes);
    memory.set(key, this.#data);
    this.#instance.kernels.schedule(this.#data, this.#schedule);
    return memory.slice(this.#schedule, this.#data);
  }

  /** The memory, with this schedule in it and room for so many bytes of data. */
  #load(schedule: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
    const memory = this.#memory(bytes);
    memory.set(schedule, this.#schedule);
    return memory;
  }

  #memory(bytes: number): Uint8Array<ArrayBuffer> {
    const { memory } = this.#instance;
    const missing = this.#data + wholeStrides(bytes) * blockBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return new Uint8Array(memory.buffer);
  }
}

/** The number of blocks of so many bytes, rounded up to what the kernels take at once. */
function wholeStrides(bytes: number): number {
  return Math.ceil(bytes / (stride * blockBytes)) * stride;
}
