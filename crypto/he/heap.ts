import { createKernelMemory, growBy } from './kernels.ts';
import type { KernelMemory } from './kernels.ts';
import type { WorkerPool } from '../pool/pool.ts';

/** What a job needs to find the memory of its pool. `id` is unique in the process. */
export type Heap = { readonly id: number; readonly memory: KernelMemory };

/** The most bytes of requests' ciphertexts in memory at once, of all sessions of a pool. Others wait. */
const mostLent = 128 * 2 ** 20;

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
