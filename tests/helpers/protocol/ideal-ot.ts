import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { saltBytes } from '../../../crypto/hash.ts';
import { blockBytes, blocksOf, defaultDepth } from '../../../crypto/ot/blocks.ts';
import { rowWords, silence } from '../../../crypto/ot/transfers.ts';
import { RowQueue } from '../../../crypto/ot/row-queue.ts';
import type { ChoosingTransfers, OfferingTransfers } from '../../../crypto/ot/transfers.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';

/**
 * The ideal functionality in one process, for tests: rows pass through shared memory. Same interface, same
 * message lengths, no security at all.
 */
export function idealOt(rng: Rng): [OtClient, OtServer] {
  const [clientChooses, serverOffers] = idealTransfers(rng);
  const [serverChooses, clientOffers] = idealTransfers(rng);
  return [
    { role: 'client', choosing: clientChooses, offering: clientOffers },
    { role: 'server', choosing: serverChooses, offering: serverOffers },
  ];
}

/** One direction: the messages have the lengths of SoftSpokenOT and tell nothing. */
export function idealTransfers(rng: Rng): [ChoosingTransfers, OfferingTransfers] {
  const delta = randomWords(rng, rowWords);
  delta[0]! |= 1;
  const salt = rng.bytes(saltBytes);
  const onTheWay: Uint32Array[] = [];
  const [chosen, offered] = [new RowQueue(), new RowQueue()];
  const choosing: ChoosingTransfers = {
    isSilent: false,
    salt,
    async prepare(ways, count) {
      const blocks = blocksOf(count, chosen.left);
      chosen.promise(count);
      for (const block of blocks) {
        const [rows, choices] = [randomWords(rng, rowWords * block), rng.bytes(block / 8)];
        void chosen.add(block, Promise.resolve({ rows, choices }));
        const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
        onTheWay.push(rows.map((word, at) => word ^ (bit(at >> 2) * delta[at & 3]!)));
      }
      const send = async (channel: Channel) => {
        for (const block of blocks) {
          await channel.send(tags.otExtension, 0, new Uint8Array(blockBytes(block, defaultDepth)));
        }
      };
      await Promise.all([ways.fromChooser(send), ways.fromOfferer(silence), ways.check(silence)]);
    },
    take: async (count) => chosen.take(count),
  };
  const offering: OfferingTransfers = {
    isSilent: false,
    salt,
    delta,
    async prepare(ways, count) {
      const blocks = blocksOf(count, offered.left);
      offered.promise(count);
      const receive = async (channel: Channel) => {
        let received: Promise<unknown> = Promise.resolve();
        for (const block of blocks) {
          received = received.then(() =>
            channel.receive(tags.otExtension, 0, blockBytes(block, defaultDepth)),
          );
          const content = received.then(() => ({ rows: onTheWay.shift()!, choices: new Uint8Array() }));
          void offered.add(block, content);
          received = content;
        }
        await received;
      };
      await Promise.all([ways.fromChooser(receive), ways.fromOfferer(silence), ways.check(silence)]);
    },
    take: async (count) => offered.take(count),
  };
  return [choosing, offering];
}
