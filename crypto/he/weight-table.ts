import { weightSpace } from './engine.ts';
import type { SharedHeap } from './heap.ts';

/**
 * The transformed weight tiles of a pool, in the memory that its threads share: which tile lies in which
 * slot. A network asks for its tiles in the same order every time, and evicting the least recently used one
 * would evict each tile just before it is needed. So a tile is let in only when there is room or when the
 * oldest tile has not been used for `staleLookups` look-ups.
 */
const staleLookups = 100_000;

/** Slots are taken together, 4 MiB at a time. Neighbours lie at different offsets modulo 4,096. */
const slotsPerSlab = 83;
const slabBytes = slotsPerSlab * weightSpace;

type Entry = { readonly slot: number; used: number; users: number; ready: Promise<void> };

/** A tile to transform: its number and the address where it goes. */
export type NewTile = { readonly tile: number; readonly address: number };

export class WeightTable {
  readonly #heap: SharedHeap;
  readonly #entries = new Map<string, Entry>();
  readonly #spare: number[] = [];
  #slots = 0;
  #lookups = 0;

  constructor(heap: SharedHeap) {
    this.#heap = heap;
  }

  /**
   * Lends the tiles of one layer to `use`: `addresses[tile]` is where a tile lies, 0 for one that has no
   * slot. Those that are new are first made by `fill`. `most` is the bytes that all tiles may take.
   */
  async lend<T>(
    name: string,
    tiles: readonly number[],
    addresses: Uint32Array,
    most: number,
    fill: (tiles: readonly NewTile[]) => Promise<void>,
    use: () => Promise<T>,
  ): Promise<T> {
    const held: Entry[] = [];
    const fresh: { readonly key: string; readonly tile: number; readonly entry: Entry }[] = [];
    for (const tile of tiles) {
      const key = `${name}/${tile}`;
      const found = this.#find(key);
      const entry = found ?? this.#admit(key, most);
      if (entry === undefined) continue;
      if (found === undefined) fresh.push({ key, tile, entry });
      entry.users++;
      held.push(entry);
      addresses[tile] = entry.slot;
    }
    try {
      if (fresh.length > 0) await this.#fill(fresh, fill);
      // Another session may still be at work on some of them.
      await Promise.all(held.map(({ ready }) => ready));
      return await use();
    } finally {
      for (const entry of held) entry.users--;
    }
  }

  /** Marks a tile as used last. */
  #find(key: string): Entry | undefined {
    this.#lookups++;
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = this.#lookups;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #admit(key: string, most: number): Entry | undefined {
    const slot = this.#spare.pop() ?? this.#newSlot(most) ?? this.#evicted();
    if (slot === undefined) return undefined;
    const entry = { slot, used: this.#lookups, users: 0, ready: Promise.resolve() };
    this.#entries.set(key, entry);
    return entry;
  }

  #newSlot(most: number): number | undefined {
    if ((this.#slots + 1) * weightSpace > most) return undefined;
    const count = Math.min(slotsPerSlab, Math.floor(most / weightSpace) - this.#slots);
    const slab = this.#heap.allocate(count === slotsPerSlab ? slabBytes : count * weightSpace);
    this.#slots += count;
    for (let i = count - 1; i > 0; i--) this.#spare.push(slab + i * weightSpace);
    return slab;
  }

  #evicted(): number | undefined {
    const first = this.#entries.entries().next().value;
    if (first === undefined) return undefined;
    const [key, { slot, used, users }] = first;
    if (users > 0 || this.#lookups - used < staleLookups) return undefined;
    this.#entries.delete(key);
    return slot;
  }

  /** Makes new tiles. If that fails they are forgotten, and whoever waits for them fails too. */
  async #fill(
    fresh: readonly { readonly key: string; readonly tile: number; readonly entry: Entry }[],
    fill: (tiles: readonly NewTile[]) => Promise<void>,
  ): Promise<void> {
    const ready = fill(fresh.map(({ tile, entry }) => ({ tile, address: entry.slot })));
    for (const { entry } of fresh) entry.ready = ready;
    try {
      await ready;
    } catch (error) {
      for (const { key, entry } of fresh) {
        this.#entries.delete(key);
        this.#spare.push(entry.slot);
      }
      throw error;
    }
  }
}
