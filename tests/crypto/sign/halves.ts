import type { Address, Planes } from '../../../crypto/ring/planes.ts';
import type { Comparison } from '../../../crypto/sign/comparison.ts';
import { layoutOf } from '../../../crypto/sign/layout.ts';
import { clientBits, serverBits } from '../../../crypto/sign/online.ts';
import { clientTables, serverTables } from '../../../crypto/sign/tables.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';

/** A change of a plane on its way. */
export type Spoil = (what: 'strings' | 'bits', planes: Planes, message: Address) => void;

export type Views = {
  /** d = e_C + e_S of each element */
  readonly sign: Uint8Array;
  readonly clientShare: Uint8Array;
  readonly strings: Uint8Array;
  readonly bits: Uint8Array;
  readonly choices: Uint8Array;
};

/**
 * Both halves of the sign test on the low `windowBits` bits of vC and vS, with uniform keys and choices dealt
 * by a trusted party.
 */
export function runSign(
  planes: Planes,
  comparison: Comparison,
  vC: Uint32Array,
  vS: Uint32Array,
  rng: Rng,
  spoil: Spoil = () => undefined,
): Views {
  const size = vC.length;
  planes.start(size);
  const { keyPlanes, keyAt } = layoutOf(comparison);
  const transfers = comparison.transfers.length;
  const random = (count: number) => {
    const words = randomWords(rng, Math.ceil((count * planes.packedBytes) / 4) + 1);
    return planes.read(new Uint8Array(words.buffer, 0, count * planes.packedBytes), count);
  };
  const [k0, k1, choices] = [random(keyPlanes), random(keyPlanes), random(transfers)];
  const chosen = planes.room(keyPlanes);
  planes.copy(k0, chosen, keyPlanes);
  const difference = planes.xor(k0, k1, planes.room(keyPlanes), keyPlanes);
  for (const [t, { keyBits }] of comparison.transfers.entries()) {
    const first = keyAt[t]!;
    const [to, from] = [planes.plane(chosen, first), planes.plane(difference, first)];
    planes.addMasked(to, from, planes.plane(choices, t), keyBits);
  }
  const { windowBits } = comparison;
  const windowC = planes.ofWords(vC, 0, windowBits);
  const client = clientTables(planes, comparison, k0, k1, windowC);
  spoil('strings', planes, client.message);
  const serverSide = serverTables(planes, comparison, chosen, choices, client.message);
  const bits = serverBits(planes, comparison, serverSide, choices, planes.ofWords(vS, 0, windowBits));
  spoil('bits', planes, bits);
  const share = clientBits(planes, comparison, client.tables, windowC, bits);
  const packed = (at: Address, count: number) => {
    const out = new Uint8Array(count * planes.packedBytes);
    planes.write(at, count, out);
    return out;
  };
  const clientShare = bitsOf(packed(share, 1), size);
  const serverShare = bitsOf(packed(planes.plane(choices, transfers - 1), 1), size);
  return {
    sign: clientShare.map((bit, i) => bit ^ serverShare[i]!),
    clientShare,
    strings: packed(client.message, keyPlanes),
    bits: packed(bits, transfers),
    choices: packed(choices, transfers),
  };
}

/** One bit a byte. */
export function bitsOf(packed: Uint8Array, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (packed[i >> 3]! >> (i & 7)) & 1);
}
