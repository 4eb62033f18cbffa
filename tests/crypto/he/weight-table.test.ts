import { describe, expect, test } from 'vitest';
import { weightSpace } from '../../../crypto/he/engine.ts';
import { Room, roomFor, SharedHeap } from '../../../crypto/he/heap.ts';
import { WeightTable } from '../../../crypto/he/weight-table.ts';
import type { NewTile } from '../../../crypto/he/weight-table.ts';

let heaps = 0;
const tiles = (count: number) => Array.from({ length: count }, (_, i) => i);

/** A table with room for so many tiles, and what it asked to be made. */
function table(room: number) {
  const weights = new WeightTable(new SharedHeap(heaps++));
  const made: string[] = [];
  const ask = async (
    name: string,
    count: number,
    fill = () => Promise.resolve(),
    use = () => Promise.resolve(),
  ) => {
    const addresses = new Uint32Array(count);
    const making = async (fresh: readonly NewTile[]) => {
      made.push(...fresh.map(({ tile }) => `${name}/${tile}`));
      for (const { tile, address } of fresh) expect(address).toBe(addresses[tile]);
      await fill();
    };
    await weights.lend(name, tiles(count), addresses, room * weightSpace, making, use);
    return addresses;
  };
  return { ask, made };
}

test('a tile is made once and then found at its place', async () => {
  const { ask, made } = table(10);
  const first = await ask('a', 4);
  expect(made).toEqual(['a/0', 'a/1', 'a/2', 'a/3']);
  expect(await ask('a', 4)).toEqual(first);
  const other = await ask('b', 4);
  expect(made).toHaveLength(8);
  expect(new Set([...first, ...other]).size).toBe(8);
  expect(first.every((address) => address > 0)).toBe(true);
});

test('tiles do not overlap, and neighbours lie at different offsets modulo 4,096', async () => {
  const { ask } = table(200);
  const addresses = [...(await ask('a', 200))];
  const sorted = [...addresses].sort((a, b) => a - b);
  sorted.forEach((address, i) => expect(i === 0 || address - sorted[i - 1]! >= weightSpace).toBe(true));
  for (let i = 0; i + 4 <= addresses.length; i++) {
    expect(new Set(addresses.slice(i, i + 4).map((address) => address % 4096)).size).toBe(4);
  }
});

test('what has no room gets no slot, and nothing that is in use is given up', async () => {
  const { ask, made } = table(3);
  const first = await ask('a', 5);
  expect([...first].map((address) => address > 0)).toEqual([true, true, true, false, false]);
  expect([...(await ask('b', 2))]).toEqual([0, 0]);
  expect(await ask('a', 5)).toEqual(first);
  expect(made).toHaveLength(3);
});

test('a tile that nobody asked for in 100,000 look-ups makes room', async () => {
  const { ask, made } = table(2);
  await ask('old', 2);
  await ask('large', 99_990);
  expect(made).toHaveLength(2);
  const places = await ask('new', 20);
  expect([...places].filter((address) => address > 0)).toHaveLength(2);
  expect(made.slice(2).every((name) => name.startsWith('new'))).toBe(true);
});

describe('two sessions that ask at once', () => {
  test('share the making', async () => {
    const { ask, made } = table(10);
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    const first = ask('a', 2, () => gate.promise).then(() => order.push('first'));
    let used = false;
    const second = ask('a', 2, undefined, () => {
      used = true;
      return Promise.resolve();
    }).then(() => order.push('second'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(used).toBe(false);
    gate.resolve();
    await Promise.all([first, second]);
    expect(used).toBe(true);
    expect(made).toEqual(['a/0', 'a/1']);
  });

  test('both fail if it fails, and the next one makes the tiles anew', async () => {
    const { ask, made } = table(10);
    const gate = Promise.withResolvers<void>();
    const first = ask('a', 2, () => gate.promise);
    const second = ask('a', 2);
    gate.reject(new Error('thread died'));
    await expect(first).rejects.toThrow('thread died');
    await expect(second).rejects.toThrow('thread died');
    expect((await ask('a', 2)).every((address) => address > 0)).toBe(true);
    expect(made).toEqual(['a/0', 'a/1', 'a/0', 'a/1']);
  });
});

describe('the heap', () => {
  test('gives blocks that do not overlap, and freed ones again', () => {
    const heap = new SharedHeap(heaps++);
    const [a, b] = [heap.allocate(100_000), heap.allocate(100_000)];
    expect(Math.abs(a - b)).toBeGreaterThanOrEqual(100_000);
    heap.free(a, 100_000);
    expect(heap.allocate(70_000)).toBe(a);
    expect(a).toBeGreaterThan(0);
  });

  test('cuts a block into arrays of zeros, whatever was there before, that do not overlap', () => {
    const heap = new SharedHeap(heaps++);
    const size = roomFor(100, 4 * 30, 8);
    const address = heap.allocate(size);
    const cut = () => {
      const room = new Room(heap.heap, address);
      return [room.bytes(100), room.words(30), room.words(2)] as const;
    };
    for (const array of cut()) array.fill(7);
    const again = cut();
    for (const [i, array] of again.entries()) {
      expect(array.every((value) => value === 0)).toBe(true);
      array.fill(i + 1);
    }
    again.forEach((array, i) => expect(array.every((value) => value === i + 1)).toBe(true));
    const [, , last] = again;
    expect(last.byteOffset + last.byteLength).toBeLessThanOrEqual(address + size);
  });

  test('lends so much at a time; who comes later waits, in whatever way the first one ends', async () => {
    const heap = new SharedHeap(heaps++);
    const size = 100 * 2 ** 20;
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let running = 0;
    const borrow = (i: number) =>
      heap.lend(size, async () => {
        running++;
        try {
          await gates[i]!.promise;
        } finally {
          running--;
        }
      });
    const [first, second] = [borrow(0), borrow(1)];
    const outcome = expect(first).rejects.toThrow('gone');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(running).toBe(1);
    gates[0]!.reject(new Error('gone'));
    await outcome;
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(running).toBe(1);
    gates[1]!.resolve();
    await second;
    expect(running).toBe(0);
  });
});
