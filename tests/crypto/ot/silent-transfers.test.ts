import { expect, test } from 'vitest';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { frameHeaderBytes, tags } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { blockWork } from '../../../crypto/ot/block-work.ts';
import { correctionsOf, givenBy, iterationsOf } from '../../../crypto/ot/silent-sets.ts';
import { SilentChoosing, SilentOffering } from '../../../crypto/ot/silent-transfers.ts';
import { silentTools, silentWork } from '../../../crypto/ot/silent-work.ts';
import { waysOf } from '../../../crypto/ot/transfers.ts';
import type { ChosenRows, OfferedRows } from '../../../crypto/ot/transfers.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { dealtTransfers } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';

const tools = await silentTools();
const columns = await loadColumns();
const set = 'testInsecure';

function pairOf(
  seed: string,
  work = silentWork(tools),
  aheadBytes?: number,
): [SilentChoosing, SilentOffering] {
  const rng = seededRng(seed);
  const [choosing, offering] = dealtTransfers(rng, blockWork(columns));
  const options = { set, transcript: rng.bytes(32), code: rng.bytes(16), work, aheadBytes } as const;
  return [new SilentChoosing(choosing, options), new SilentOffering(offering, options, rng)];
}

/** Both parties take `count` rows; the number that is wrong. */
async function taken([choosing, offering]: [SilentChoosing, SilentOffering], count: number): Promise<number> {
  const [chosen, offered] = await Promise.all([choosing.take(count), offering.take(count)]);
  return wrongRows(chosen, offered, offering.delta);
}

function wrongRows({ first, rows, choices }: ChosenRows, offered: OfferedRows, delta: Uint32Array): number {
  expect(offered.first).toBe(first);
  const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
  let wrong = 0;
  for (let i = 0; i < rows.length / 4; i++) {
    for (let w = 0; w < 4; w++) {
      const expected = rows[4 * i + w]! ^ (-bit(i) & delta[w]!);
      if (((offered.rows[4 * i + w]! ^ expected) | 0) !== 0) wrong++;
    }
  }
  return wrong;
}

test('several calls: rows are right, in order, and what is left over serves the next call', async () => {
  const pair = pairOf('calls');
  const [near, far] = memoryChannels();
  const prepare = (count: number) =>
    Promise.all([pair[0].prepare(waysOf(near), count), pair[1].prepare(waysOf(far), count)]);
  const given = givenBy(set);
  for (const count of [100, given - 100, 2 * given + 7, 1]) {
    const prepared = prepare(count);
    expect(await taken(pair, count)).toBe(0);
    await prepared;
  }
  // 1 + 0 + 3 + 0 iterations, as what is left over covers the second and the fourth.
  const iterations = 4;
  expect(far.traffic.framesSent).toBe(iterations + 2);
  const corrections = iterations * (frameHeaderBytes + correctionsOf(set));
  expect(far.traffic.sent).toBe(corrections + 2 * (frameHeaderBytes + 32));
});

test.each([1, 2, 3])('no more than %i iterations are made before their rows are taken', async (ahead) => {
  let made = 0;
  const own = silentWork(tools);
  const counting: typeof own = {
    choose: (...turn) => own.choose(...turn),
    offer: (...turn) => {
      made++;
      return own.offer(...turn);
    },
  };
  const given = givenBy(set);
  // A little less room than one iteration more takes.
  const pair = pairOf('ahead', counting, 16 * given * (ahead + 1) - 1);
  const [near, far] = memoryChannels();
  const prepared = [pair[0].prepare(waysOf(near), 7 * given), pair[1].prepare(waysOf(far), 7 * given)];
  for (let taking = 0; taking < 7; taking++) {
    await settled();
    expect(made).toBe(Math.min(7, taking + ahead));
    expect(await taken(pair, given)).toBe(0);
  }
  await Promise.all(prepared);
});

test('corrections of all iterations leave without a word of the party that chooses', async () => {
  const pair = pairOf('early', silentWork(tools), 0);
  const [near, far] = memoryChannels();
  const prepare = (party: 0 | 1, count: number) =>
    pair[party].prepare(waysOf(party === 0 ? near : far), count);
  const given = givenBy(set);
  await Promise.all([prepare(0, given), prepare(1, given)]);
  expect(await taken(pair, given)).toBe(0);
  const before = far.traffic.framesSent;
  // The other party has not even begun.
  const offered = prepare(1, 5 * given);
  const own = await pair[1].take(5 * given);
  await settled();
  expect(far.traffic.framesSent - before).toBe(5);
  const prepared = prepare(0, 5 * given);
  const chosen = await pair[0].take(5 * given);
  await Promise.all([offered, prepared]);
  expect(wrongRows(chosen, own, pair[1].delta)).toBe(0);
});

/** Waits until what can be done without other input is done. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('without room for one iteration, one is made at a time', async () => {
  const pair = pairOf('no room', silentWork(tools), 0);
  const [near, far] = memoryChannels();
  const count = 3 * givenBy(set);
  const prepared = [pair[0].prepare(waysOf(near), count), pair[1].prepare(waysOf(far), count)];
  expect(await taken(pair, count)).toBe(0);
  await Promise.all(prepared);
});

test('no rows beyond those promised, and none without any', async () => {
  const [choosing] = pairOf('beyond');
  const [near] = memoryChannels();
  await choosing.prepare(waysOf(near), 0);
  expect(near.traffic.framesSent).toBe(0);
  expect(() => choosing.take(1)).toThrow(RangeError);
});

test('the threads of a pool make the same', async () => {
  const pool = new ThreadPool(2);
  try {
    const pair = pairOf('pool', silentWork(tools, pool));
    const [near, far] = memoryChannels();
    const count = 2 * givenBy(set);
    const prepared = [pair[0].prepare(waysOf(near), count), pair[1].prepare(waysOf(far), count)];
    expect(await taken(pair, count)).toBe(0);
    await Promise.all(prepared);
  } finally {
    await pool.close();
  }
});

/** A channel that changes what it sends under a tag. */
function changing(channel: Channel, tag: number, change: (payload: Uint8Array) => Uint8Array): Channel {
  return {
    send: (own, step, payload, part) =>
      channel.send(own, step, own === tag ? change(payload.slice()) : payload, part),
    receive: (own, step, length, part) => channel.receive(own, step, length, part),
    receiveUpTo: (own, step, length) => channel.receiveUpTo(own, step, length),
    get traffic() {
      return channel.traffic;
    },
    close: (reason) => channel.close(reason),
  };
}

const flipped = (at: number) => (payload: Uint8Array) => {
  payload[at]! ^= 2;
  return payload;
};

test.each([
  ['a changed correction', tags.otCorrections, flipped(16 * 5)],
  ['a changed correction of the last tree', tags.otCorrections, (p: Uint8Array) => flipped(p.length - 16)(p)],
  ['a proof of something else', tags.otCheck, flipped(31)],
  ['a short proof', tags.otCheck, (p: Uint8Array) => p.subarray(1)],
  ['short corrections', tags.otCorrections, (p: Uint8Array) => p.subarray(16)],
  ['long corrections', tags.otCorrections, (p: Uint8Array) => new Uint8Array(p.length + 16)],
] as const)('the party that chooses refuses %s', async (_, tag, change) => {
  const [choosing, offering] = pairOf('cheat');
  const [near, far] = memoryChannels();
  const prepared = choosing.prepare(waysOf(near), 50);
  const outcome = expect(prepared).rejects.toThrow(ProtocolError);
  const offered = offering.prepare(waysOf(changing(far, tag, change)), 50).catch(() => undefined);
  await outcome;
  near.close();
  far.close();
  await offered;
});

test.each([
  ['a short masked value', (p: Uint8Array) => p.subarray(1)],
  ['no masked value', () => new Uint8Array()],
])('the party that offers refuses %s', async (_, change) => {
  const [choosing, offering] = pairOf('masked');
  const [near, far] = memoryChannels();
  const outcome = expect(offering.prepare(waysOf(far), 50)).rejects.toThrow(ProtocolError);
  const chosen = choosing.prepare(waysOf(changing(near, tags.otCheck, change)), 50).catch(() => undefined);
  await outcome;
  near.close();
  far.close();
  await chosen;
});

test('a masked value that the party that chooses did not make gives it no proof', async () => {
  const [choosing, offering] = pairOf('other masked');
  const [near, far] = memoryChannels();
  const offered = offering.prepare(waysOf(far), 50);
  const masked = changing(near, tags.otCheck, flipped(3));
  await expect(choosing.prepare(waysOf(masked), 50)).rejects.toThrow(/the corrections fit no trees/);
  await offered;
});

test('after a check that fails there are no rows, not even those of calls that need no iteration', async () => {
  const [choosing, offering] = pairOf('failed');
  const [near, far] = memoryChannels();
  const wrong = changing(far, tags.otCheck, flipped(31));
  const offered = offering.prepare(waysOf(wrong), 50);
  // Its rows are left over from the call before, so it waits for that one's check.
  const prepared = choosing.prepare(waysOf(near), 50);
  const outcomes = [
    expect(prepared).rejects.toThrow(/fit no trees/),
    expect(choosing.prepare(waysOf(memoryChannels()[0]), 50)).rejects.toThrow(/fit no trees/),
  ];
  await Promise.all([...outcomes, offered]);
  await expect(choosing.take(1)).rejects.toThrow(/fit no trees/);
  await expect(choosing.prepare(waysOf(memoryChannels()[0]), 0)).rejects.toThrow(/fit no trees/);
});

test('a peer that leaves fails the rows that are waited for', async () => {
  const [choosing] = pairOf('leaves');
  const [near, far] = memoryChannels();
  const prepared = choosing.prepare(waysOf(near), 50);
  const rows = choosing.take(50);
  const outcomes = [
    expect(prepared).rejects.toThrow('the peer left'),
    expect(rows).rejects.toThrow('the peer left'),
  ];
  far.close();
  await Promise.all(outcomes);
});

test('iterations follow from the counts and what is left over', () => {
  const numbers = [0, 1, 713_088, 713_089, 2 * 713_088].map((count) => iterationsOf('s16', count));
  expect(numbers).toEqual([0, 1, 1, 2, 2]);
  expect(iterationsOf('s16', 713_089, 1)).toBe(1);
  expect(iterationsOf('s16', 5, 10)).toBe(0);
});
