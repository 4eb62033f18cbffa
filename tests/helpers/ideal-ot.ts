import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { checkExtension, extensionBytes, rowWords } from '../../crypto/ot/extension.ts';
import type { KeyPairs, OtReceiver, OtSender } from '../../crypto/ot/extension.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';

/**
 * The ideal functionality in one process, for tests: rows pass through shared memory, keys are integer mixing
 * of rows. Same interface, same message lengths, no security at all.
 */
export function idealOt(rng: Rng): [OtClient, OtServer] {
  const [clientChooses, serverOffers] = idealDirection(rng);
  const [serverChooses, clientOffers] = idealDirection(rng);
  return [
    { role: 'client', receiver: clientChooses, sender: clientOffers },
    { role: 'server', sender: serverOffers, receiver: serverChooses },
  ];
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
