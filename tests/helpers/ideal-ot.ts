import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { asBytes } from '../../crypto/bits.ts';
import { prg } from '../../crypto/prg.ts';
import { tags } from '../../crypto/channel/channel.ts';
import { saltBytes } from '../../crypto/hash.ts';
import { blockBytes as messageBytes, blocksOf } from '../../crypto/ot/blocks.ts';
import { checkExtension, extensionBytes, rowWords, treeDepth } from '../../crypto/ot/extension.ts';
import type { KeyPairs, OtReceiver, OtSender } from '../../crypto/ot/extension.ts';
import { RowQueue } from '../../crypto/ot/row-queue.ts';
import type { ChoosingTransfers, OfferingTransfers } from '../../crypto/ot/transfers.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';

/**
 * The ideal functionality in one process, for tests: rows pass through shared memory, keys are integer mixing
 * of rows. Same interface, same message lengths, no security at all.
 */
export function idealOt(rng: Rng): [OtClient, OtServer] {
  const [clientChooses, serverOffers] = idealDirection(rng);
  const [serverChooses, clientOffers] = idealDirection(rng);
  // A generator of their own, so that what the caller's draws afterwards stays.
  const own = prg(asBytes(serverOffers.delta));
  const [clientChoosing, serverOffering] = idealTransfers(own, serverOffers.delta);
  const [serverChoosing, clientOffering] = idealTransfers(own, clientOffers.delta);
  return [
    {
      role: 'client',
      receiver: clientChooses,
      sender: clientOffers,
      choosing: clientChoosing,
      offering: clientOffering,
    },
    {
      role: 'server',
      sender: serverOffers,
      receiver: serverChooses,
      choosing: serverChoosing,
      offering: serverOffering,
    },
  ];
}

/** One direction: the messages have the lengths of SoftSpokenOT and tell nothing. */
export function idealTransfers(rng: Rng, delta: Uint32Array): [ChoosingTransfers, OfferingTransfers] {
  const salt = rng.bytes(saltBytes);
  const onTheWay: Uint32Array[] = [];
  const [chosen, offered] = [new RowQueue(), new RowQueue()];
  const choosing: ChoosingTransfers = {
    salt,
    async prepare(channel, count) {
      const blocks = blocksOf(count, chosen.left);
      chosen.promise(count);
      for (const block of blocks) {
        const [rows, choices] = [randomWords(rng, rowWords * block), rng.bytes(block / 8)];
        chosen.add(block, Promise.resolve({ rows, choices }));
        const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
        onTheWay.push(rows.map((word, at) => word ^ (bit(at >> 2) * delta[at & 3]!)));
      }
      for (const block of blocks) {
        await channel.send(tags.otExtension, 0, new Uint8Array(messageBytes(block, treeDepth)));
      }
    },
    take: async (count) => chosen.take(count),
  };
  const offering: OfferingTransfers = {
    salt,
    delta,
    async prepare(channel, count) {
      const blocks = blocksOf(count, offered.left);
      offered.promise(count);
      let received: Promise<unknown> = Promise.resolve();
      for (const block of blocks) {
        received = received.then(() => channel.receive(tags.otExtension, 0, messageBytes(block, treeDepth)));
        const content = received.then(() => ({ rows: onTheWay.shift()!, choices: new Uint8Array() }));
        offered.add(block, content);
        received = content;
      }
      await received;
    },
    take: async (count) => offered.take(count),
  };
  return [choosing, offering];
}

function idealDirection(rng: Rng): [OtReceiver, OtSender] {
  const delta = randomWords(rng, rowWords);
  delta[0]! |= 1;
  const onTheWay: Uint32Array[] = [];
  const receiver: OtReceiver = {
    extend(choices) {
      const rows = randomWords(rng, rowWords * choices.length);
      onTheWay.push(rows.map((word, i) => word ^ (choices[i >> 2]! * delta[i & 3]!)));
      return { message: new Uint8Array(extensionBytes(choices.length)), rows };
    },
    keys: mixRows,
  };
  const sender: OtSender = {
    delta,
    extend(message, count) {
      checkExtension(message, count);
      // Nothing on the way: the message is forged.
      return onTheWay.shift() ?? randomWords(rng, rowWords * count);
    },
    keyPairs(rows): KeyPairs {
      return { k0: mixRows(rows), k1: mixRows(rows.map((word, i) => word ^ delta[i & 3]!)) };
    },
  };
  return [receiver, sender];
}

/** The finaliser of MurmurHash3 over the four words of a row. */
function mixRows(rows: Uint32Array): Uint32Array<ArrayBuffer> {
  const keys = new Uint32Array(rows.length / rowWords);
  for (let i = 0; i < keys.length; i++) {
    let h = 0;
    for (let w = 0; w < rowWords; w++) {
      h ^= rows[rowWords * i + w]!;
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
      h ^= h >>> 16;
    }
    keys[i] = h;
  }
  return keys;
}
