import { createKernelMemory, growBy } from './kernels.ts';
import type { KernelMemory } from './kernels.ts';
import type { WorkerPool } from '../pool/pool.ts';

/** What a job needs to find the memory of its pool. `id` is unique in the process. */
export type Heap = { readonly id: number; readonly memory: KernelMemory };

/** The most bytes that linear layers in work take at once, of all sessions of a pool. Others wait. */
const mostLent = 40 * 2 ** 20;

/**
 * The memory that the kernels of a pool's threads share, kept by the thread that owns the pool. The threads
 * take their scratch from it themselves (`growBy`); blocks that several threads see come from here.
 */
export class SharedHeap {
  readonly heap: Heap;
  readonly #free = new Map<number, number[]>();
  readonly #waiting: (() => void)[] = [];
  #lent = 0;

  constructor(id: number) {
    this.heap = { id, memory: createKernelMemory() };
  }

  /** The address of a block of `bytes` bytes. Throws RangeError when the memory is full. */
  allocate(bytes: number): number {
    const size = blockSize(bytes);
    return this.#free.get(size)?.pop() ?? growBy(this.heap.memory, size);
  }

  free(address: number, bytes: number): void {
    const size = blockSize(bytes);
    const list = this.#free.get(size) ?? [];
    list.push(address);
    this.#free.set(size, list);
  }

  /** Lends a block while `use` runs, as soon as there is room for it among those that are lent. */
  async lend<T>(bytes: number, use: (address: number) => Promise<T>): Promise<T> {
    while (this.#lent > 0 && this.#lent + blockSize(bytes) > mostLent) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#lent += blockSize(bytes);
    try {
      const address = this.allocate(bytes);
      try {
        return await use(address);
      } finally {
        this.free(address, bytes);
      }
    } finally {
      this.#lent -= blockSize(bytes);
      this.#waiting.splice(0).forEach((resume) => resume());
    }
  }
}

/** The bytes of a block for arrays of these many bytes, as `Room` lays them out. */
export function roomFor(...sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + 64 * Math.ceil(size / 64), 0);
}

/**
 * Cuts a block that is lent into arrays, one after the other. They are zeros at first, and all threads see
 * them. Arrays of their own in shared memory would stay until every thread has collected its garbage, which
 * knows nothing of their size: a ResNet-18 left 0.1 GB of them.
 */
export class Room {
  readonly #memory: KernelMemory;
  #next: number;

  constructor({ memory }: Heap, address: number) {
    this.#memory = memory;
    this.#next = address;
  }

  /** The address of so many bytes, which stay as they are. */
  take(bytes: number): number {
    const at = this.#next;
    this.#next += roomFor(bytes);
    return at;
  }

  bytes(count: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.#memory.buffer, this.take(count), count).fill(0);
  }

  words(count: number): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.#memory.buffer, this.take(4 * count), count).fill(0);
  }
}

/** Sizes are 64 KiB times a power of two, so that a freed block serves again. */
function blockSize(bytes: number): number {
  return 65_536 * 2 ** Math.ceil(Math.log2(Math.max(1, bytes / 65_536)));
}

const heaps = new WeakMap<WorkerPool, SharedHeap>();
let count = 0;

/** The one heap of a pool, made when it is first asked for. */
export function heapOf(pool: WorkerPool): SharedHeap {
  const owner = pool.base ?? pool;
  let heap = heaps.get(owner);
  if (heap === undefined) heaps.set(owner, (heap = new SharedHeap(count++)));
  return heap;
}
