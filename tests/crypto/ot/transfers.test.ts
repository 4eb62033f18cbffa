import { securityBits, waysOf } from '../../../crypto/ot/transfers.ts';
import { beforeAll, expect, test } from 'vitest';
import { frameHeaderBytes, tags } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { blockWork, shortBlock } from '../../../crypto/ot/block-work.ts';
import type { BlockWork } from '../../../crypto/ot/block-work.ts';
import {
  blockBytes,
  blocksOf,
  columnBytes,
  depthsOf,
  largestBlock,
  leftAfter,
} from '../../../crypto/ot/blocks.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import type { Place } from '../../../crypto/ot/soft-spoken.ts';
import { SoftSpokenChoosing, SoftSpokenOffering } from '../../../crypto/ot/soft-spoken-transfers.ts';
import type { ChoosingTransfers, OfferingTransfers } from '../../../crypto/ot/transfers.ts';
import type { WorkerPool } from '../../../crypto/pool/pool.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { realOt } from '../../helpers/protocol/activation.ts';
import { dealtSeeds, dealtTransfers } from '../../helpers/protocol/dealt-ot.ts';
import { idealOt } from '../../helpers/protocol/ideal-ot.ts';
import { seededRng } from '../../helpers/rng.ts';

type Direction = readonly [ChoosingTransfers, OfferingTransfers];

const work = blockWork(await loadColumns());
let real: [OtClient, OtServer];
beforeAll(async () => {
  real = await realOt(seededRng('transfers'));
});

const directions = ([client, server]: [OtClient, OtServer]): Direction[] => [
  [client.choosing, server.offering],
  [server.choosing, client.offering],
];

const bitOf = (bits: Uint8Array, i: number) => (bits[i >> 3]! >> (i & 7)) & 1;

/** Takes `count` rows of both and compares: q = t xor u Delta. Returns the choosing party's. */
async function takeBoth([choosing, offering]: Direction, count: number) {
  const [chosen, offered] = await Promise.all([choosing.take(count), offering.take(count)]);
  expect(chosen.first).toBe(offered.first);
  expect(chosen.rows).toHaveLength(4 * count);
  expect(chosen.choices).toHaveLength(Math.ceil(count / 8));
  const { delta } = offering;
  const expected = chosen.rows.map((word, at) => word ^ (bitOf(chosen.choices, at >> 2) * delta[at & 3]!));
  expect(offered.rows).toEqual(expected);
  return chosen;
}

/** Prepares both halves over a channel of their own and returns the bytes sent. */
async function prepareBoth([choosing, offering]: Direction, count: number): Promise<number> {
  const [near, far] = memoryChannels();
  await Promise.all([choosing.prepare(waysOf(near), count), offering.prepare(waysOf(far), count)]);
  return near.traffic.sent;
}

const framesBytes = (blocks: readonly number[], depth = 4) =>
  blocks.reduce((sum, rows) => sum + frameHeaderBytes + blockBytes(rows, depth), 0);

const sources = [
  // The first rows of the client's choices were the base transfers of the other direction.
  ['SoftSpoken', () => directions(real), [securityBits, 0]],
  ['the ideal functionality', () => directions(idealOt(seededRng('ideal'))), [0, 0]],
] as const;

test.each(sources)(
  '%s: q = t xor u Delta in both directions, over many takes and preparations',
  async (_, make, firsts) => {
    for (const [i, direction] of make().entries()) {
      let [left, first] = [0, firsts[i]!];
      for (const counts of [[1, 126, 1], [5, 300, 8, 600], [], [40], [1000]]) {
        const total = counts.reduce((sum, count) => sum + count, 0);
        expect(await prepareBoth(direction, total)).toBe(framesBytes(blocksOf(total, left)));
        left = leftAfter(total, left);
        for (const count of counts) {
          expect((await takeBoth(direction, count)).first).toBe(first);
          first += count;
        }
      }
      expect(direction[1].delta[0]! & 1).toBe(1);
      expect(direction[0].salt).toEqual(direction[1].salt);
    }
  },
);

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'trees of depth %d: q = t xor u Delta, block after block',
  async (depth) => {
    const direction = dealtTransfers(seededRng(`depth ${depth}`), work, depth);
    expect(await prepareBoth(direction, 200)).toBe(framesBytes([256], depth));
    await prepareBoth(direction, 200);
    await takeBoth(direction, 256);
    await takeBoth(direction, 144);
    expect(depthsOf(depth).reduce((sum, own) => sum + own)).toBe(128);
  },
);

test('blocks: multiples of 128 rows, at most 2^18, as equal as they can be; rows left over come first', () => {
  expect(blocksOf(0)).toEqual([]);
  expect(blocksOf(1)).toEqual([128]);
  expect(blocksOf(128)).toEqual([128]);
  expect(blocksOf(129, 1)).toEqual([128]);
  expect(blocksOf(127, 127)).toEqual([]);
  expect(blocksOf(largestBlock)).toEqual([largestBlock]);
  expect(blocksOf(largestBlock + 1)).toEqual([131072, 131200]);
  expect(leftAfter(1)).toBe(127);
  expect(leftAfter(127, 127)).toBe(0);
  for (const [count, left] of [
    [7_777_777, 100],
    [2 ** 20, 0],
    [300, 5],
  ] as const) {
    const blocks = blocksOf(count, left);
    expect(blocks.every((rows) => rows % 128 === 0 && rows <= largestBlock)).toBe(true);
    expect(Math.max(...blocks) - Math.min(...blocks)).toBeLessThanOrEqual(128);
    const sum = blocks.reduce((a, b) => a + b, left);
    expect(sum - count).toBe(leftAfter(count, left));
    expect(leftAfter(count, left)).toBeLessThan(128);
  }
});

test('bytes of a block: 31 bits a transfer at depth 4, 128 more rows for the check, and 48 bytes of proof', () => {
  expect(blockBytes(2 ** 18, 4)).toBe((31 * (2 ** 18 + 128)) / 8 + 48);
  expect(blockBytes(128, 5)).toBe((25 * 256) / 8 + 48);
  expect(depthsOf(5)).toEqual([...new Array<number>(25).fill(5), 3]);
});

test('rows beyond those prepared are an error, also where a block holds them', async () => {
  const direction = dealtTransfers(seededRng('beyond'), work);
  await prepareBoth(direction, 10);
  await takeBoth(direction, 8);
  for (const party of direction) expect(() => party.take(3)).toThrow(RangeError);
  await takeBoth(direction, 2);
  for (const party of direction) expect(() => party.take(1)).toThrow(RangeError);
});

test('a message that fails its check gives no row, then or later', async () => {
  const [choosing, offering] = dealtTransfers(seededRng('spoiled'), work);
  const [near, far] = memoryChannels();
  await choosing.prepare(waysOf(near), 100);
  const message = await far.receive(tags.otExtension, 0, blockBytes(128, 4));
  message[17]! ^= 4;
  const [peer, own] = memoryChannels();
  await peer.send(tags.otExtension, 0, message);
  const prepared = offering.prepare(waysOf(own), 100);
  const taken = offering.take(1);
  await expect(prepared).rejects.toThrow(ProtocolError);
  await expect(taken).rejects.toThrow(/not the same for all trees/);
  await expect(offering.take(1)).rejects.toThrow(/not the same for all trees/);
  const [again, there] = memoryChannels();
  await choosing.prepare(waysOf(again), 100);
  await expect(offering.prepare(waysOf(there), 100)).rejects.toThrow(/not the same for all trees/);
});

test('a pool’s threads make the same blocks as this one, and say whose fault a bad message is; short blocks stay here', async () => {
  const threads = new ThreadPool(1);
  const names: string[] = [];
  const pool: WorkerPool = {
    threads: 1,
    run: (job, input, moved) => {
      names.push(job.name);
      return threads.run(job, input, moved);
    },
    close: () => threads.close(),
  };
  const [here, there] = [blockWork(await loadColumns()), blockWork(await loadColumns(), pool)];
  const { choosing, offering } = dealtSeeds(seededRng('pool'));
  const short = { block: 0, at: 0, rows: shortBlock - 128 };
  const long = { block: 1, at: shortBlock / 8, rows: shortBlock };
  for (const place of [short, long]) {
    const drawn = await here.draw(choosing, place);
    expect(await there.draw(choosing, place)).toEqual(drawn);
    const { message } = drawn;
    expect(await there.check(offering, place, message)).toEqual(await here.check(offering, place, message));
    message[0]! ^= 1;
    for (const work of [here, there])
      await expect(work.check(offering, place, message)).rejects.toThrow(ProtocolError);
  }
  expect(names).toEqual(['drawBlock', 'checkBlock', 'checkBlock']);
  await pool.close();
});

/** Work that notes the places it is given and answers when it is told to. */
function slowWork() {
  const places: Place[] = [];
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const turn = async (place: Place) => {
    places.push(place);
    waiting.set(place.block, Promise.withResolvers());
    await waiting.get(place.block)!.promise;
  };
  const slow: BlockWork = {
    draw: async (seeds, place) => {
      await turn(place);
      return work.draw(seeds, place);
    },
    check: async (seeds, place, message) => {
      await turn(place);
      return work.check(seeds, place, message);
    },
  };
  return { work: slow, places, waiting };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Whether a promise has been kept by now. */
async function isKept(promise: Promise<unknown>): Promise<boolean> {
  let kept = false;
  promise.then(
    () => (kept = true),
    () => undefined,
  );
  await settled();
  return kept;
}

test('no place of the streams belongs to two blocks, those of the check’s rows included', async () => {
  const direction = dealtTransfers(seededRng('places'), {
    draw: async (seeds, place) => {
      places.push(place);
      return work.draw(seeds, place);
    },
    check: (seeds, place, message) => work.check(seeds, place, message),
  });
  const places: Place[] = [];
  for (const count of [1, 500, 0, 127, 128, 300]) await prepareBoth(direction, count);
  expect(places.map(({ block }) => block)).toEqual([...places.keys()]);
  for (const [i, { at, rows }] of places.entries()) {
    const end = i === 0 ? 0 : places[i - 1]!.at + columnBytes(places[i - 1]!.rows);
    expect(at).toBe(end);
    expect(rows % 128).toBe(0);
  }
});

test('no row and no 128 choices come twice, within an inference, in the next one, in the other direction or session', async () => {
  const all = directions(real);
  const others = [dealtTransfers(seededRng('one'), work), dealtTransfers(seededRng('two'), work)];
  const rows: string[] = [];
  const choices: string[] = [];
  for (const direction of [...all, ...others] as Direction[]) {
    for (const count of [512, 128, 128, 1024]) {
      await prepareBoth(direction, count);
      const chosen = await takeBoth(direction, count);
      for (let i = 0; i < count; i++) rows.push(String(chosen.rows.slice(4 * i, 4 * i + 4)));
      for (let i = 0; i < count; i += 128) choices.push(String(chosen.choices.slice(i / 8, i / 8 + 16)));
    }
  }
  expect(new Set(rows).size).toBe(rows.length);
  expect(new Set(choices).size).toBe(choices.length);
});

test('salts are those of one direction of one session', () => {
  const others = [dealtTransfers(seededRng('one'), work), dealtTransfers(seededRng('two'), work)];
  const salts = [...directions(real), ...others].map(([choosing]) => String(choosing.salt));
  expect(new Set(salts).size).toBe(4);
  expect(real[0].choosing.salt).toHaveLength(16);
});

test('rows on both sides of the end of a block, and of 4,096 rows, at any bit', async () => {
  const direction = dealtTransfers(seededRng('boundary'), work);
  const total = largestBlock + 1;
  const [first] = blocksOf(total);
  await prepareBoth(direction, total);
  const counts = [4095, 1, 1, first! - 4097 - 13, 26, total - first! - 13];
  for (const count of counts) await takeBoth(direction, count);
  expect(() => direction[0].take(1)).toThrow(RangeError);
});

test('no row is given before its block has passed the check, nor if the block before it failed', async () => {
  const honest = dealtTransfers(seededRng('order'), work);
  const slow = slowWork();
  const { offering: seeds, salt } = dealtSeeds(seededRng('order'));
  const offering = new SoftSpokenOffering(seeds, salt, slow.work);
  const [near, far] = memoryChannels();
  await honest[0].prepare(waysOf(near), 100);
  await honest[0].prepare(waysOf(near), 100);
  const prepared = Promise.all([offering.prepare(waysOf(far), 100), offering.prepare(waysOf(far), 100)]);
  const [early, late] = [offering.take(100), offering.take(100)];
  await settled();
  expect(slow.places.map(({ block }) => block)).toEqual([0, 1]);
  slow.waiting.get(1)!.resolve();
  expect(await isKept(late)).toBe(false);
  slow.waiting.get(0)!.reject(new ProtocolError('the first block failed'));
  for (const given of [early, late, prepared]) await expect(given).rejects.toThrow(/the first block failed/);
});

test('messages go out in the order of the blocks, two of which are in work at a time', async () => {
  const slow = slowWork();
  const { choosing: seeds, offering: theirs, salt } = dealtSeeds(seededRng('sending'));
  const choosing = new SoftSpokenChoosing(seeds, salt, slow.work);
  const offering = new SoftSpokenOffering(theirs, salt, work);
  const [near, far] = memoryChannels();
  const prepared = [128, 128, 128].map((count) => choosing.prepare(waysOf(near), count));
  const checked = [128, 128, 128].map((count) => offering.prepare(waysOf(far), count));
  await settled();
  expect(slow.places.map(({ block }) => block)).toEqual([0, 1]);
  slow.waiting.get(1)!.resolve();
  await settled();
  expect(near.traffic.framesSent).toBe(0);
  slow.waiting.get(0)!.resolve();
  await Promise.all([prepared[1], checked[1]]);
  slow.waiting.get(2)!.resolve();
  await Promise.all([...prepared, ...checked]);
  await takeBoth([choosing, offering], 384);
});
