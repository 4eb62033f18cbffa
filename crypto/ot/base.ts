import { expand_message_xmd } from '@noble/curves/abstract/hash-to-curve.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { atOnce } from '../../src/shared/turns.ts';
import { concatenate } from '../bits.ts';
import type { ReceiverGroup, SenderGroup } from '../platform/group.ts';
import { sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';

/**
 * Random oblivious transfer on ristretto255 (RFC 9496) that bears parties that deviate: Masny and Rindal,
 * 'Endemic Oblivious Transfer' (CCS 2019), from the Diffie-Hellman key agreement. The sender publishes A = a
 * G. For choice c the receiver draws t and a point r_(1-c), and sends r_0, r_1 with
 *
 *   r_c = t G - H_c(r_(1-c))
 *
 * It keeps K(t A); the sender keeps K(a (r_j + H_j(r_(1-j)))) for both j. Whoever fixes one of the two points
 * fixes the other's hash, so the receiver knows the discrete logarithm of one sum only. A party that deviates
 * may choose its own seeds, which is what 'endemic' says and all that SoftSpokenOT asks of its base
 * transfers.
 *
 * H_j is RFC 9496's map of 64 bytes to a point, over SHA-512 (expand_message_xmd) of the session, the index
 * and the slot. K is SHA-256 over the session, the index, the slot and all points of the transfer, so that no
 * key of one transfer is one of another.
 */
export const pointBytes = 32;
/** Of the receiver's message, a transfer: r_0 and r_1. */
export const choiceBytes = 2 * pointBytes;

/** Transfers between two yields: 4 ms. All 128 at once would keep every other session waiting. */
const piece = 8;

const domain = new TextEncoder().encode('reluctant base OT 2');

export type BaseSender = { readonly secret: Uint8Array; readonly key: Uint8Array<ArrayBuffer> };

/** The sender's first message `key` (32 bytes) and the secret behind it. */
export function baseSenderStart(group: SenderGroup, rng: Rng): BaseSender {
  const secret = randomScalar(group, rng);
  return { secret, key: new Uint8Array(group.multiple(secret)) };
}

export type BaseReceived = {
  /** [choices, 64 bytes], for the sender */
  readonly points: Uint8Array<ArrayBuffer>;
  /** one 16-byte seed a choice */
  readonly seeds: readonly Uint8Array[];
};

/**
 * The receiver's message and its seeds for `choices` (0 or 1 each). `session` separates runs.
 * Throws ProtocolError for a key that is not the canonical encoding of a point other than the identity.
 */
export function* baseReceiving(
  group: ReceiverGroup,
  key: Uint8Array,
  choices: Uint8Array,
  session: Uint8Array,
  rng: Rng,
): Generator<void, BaseReceived> {
  const multipleOfKey = group.multiplesOf(key) ?? refused('baseOtKey');
  const points = new Uint8Array(choiceBytes * choices.length);
  const seeds: Uint8Array[] = [];
  for (const [index, choice] of choices.entries()) {
    if (index % piece === 0) yield;
    const slot = choice === 0 ? 0 : 1;
    const t = randomScalar(group, rng);
    const other = group.multiple(randomScalar(group, rng));
    const own = group.multipleLess(t, hash(session, index, slot, other));
    const sent = concatenate(slot === 0 ? [own, other] : [other, own]);
    points.set(sent, choiceBytes * index);
    seeds.push(deriveSeed(session, index, slot, key, sent, multipleOfKey(t)));
  }
  return { points, seeds };
}

/** `baseReceiving` in one go. */
export function baseReceive(...args: Parameters<typeof baseReceiving>): BaseReceived {
  return atOnce(baseReceiving(...args));
}

/** One pair of 16-byte seeds a choice; the receiver has one of each pair. */
export type SeedPairs = readonly (readonly [Uint8Array, Uint8Array])[];

/** Throws ProtocolError for a message of a wrong length or a point that is not canonical or the identity. */
export function* baseSenderFinishing(
  group: SenderGroup,
  sender: BaseSender,
  points: Uint8Array,
  count: number,
  session: Uint8Array,
): Generator<void, SeedPairs> {
  if (points.byteLength !== choiceBytes * count) {
    throw new ProtocolError(
      `base OT: expected baseOtPoints of ${choiceBytes * count} bytes, got ${points.byteLength}`,
    );
  }
  const pairs: [Uint8Array, Uint8Array][] = [];
  for (let index = 0; index < count; index++) {
    if (index % piece === 0) yield;
    const sent = points.subarray(choiceBytes * index, choiceBytes * (index + 1));
    const bytes = [sent.subarray(0, pointBytes), sent.subarray(pointBytes)] as const;
    const seed = (slot: 0 | 1) => {
      const mapped = hash(session, index, slot, bytes[1 - slot]!);
      const shared =
        group.multipleOfSum(sender.secret, bytes[slot], mapped) ?? refused(`baseOtPoints[${index}]`);
      return deriveSeed(session, index, slot, sender.key, sent, shared);
    };
    pairs.push([seed(0), seed(1)]);
  }
  return pairs;
}

/** `baseSenderFinishing` in one go. */
export function baseSenderFinish(...args: Parameters<typeof baseSenderFinishing>): SeedPairs {
  return atOnce(baseSenderFinishing(...args));
}

/** The 64 bytes that become H_slot of the other slot's point. */
function hash(session: Uint8Array, index: number, slot: number, other: Uint8Array): Uint8Array {
  const message = concatenate([session, place(index, slot), other]);
  return expand_message_xmd(message, 'reluctant base OT 2: point', 64, sha512);
}

function deriveSeed(
  session: Uint8Array,
  index: number,
  slot: number,
  key: Uint8Array,
  sent: Uint8Array,
  shared: Uint8Array,
): Uint8Array {
  return sha256(domain, session, place(index, slot), key, sent, shared).subarray(0, prgSeedBytes);
}

function place(index: number, slot: number): Uint8Array {
  return Uint8Array.of(index & 0xff, index >>> 8, slot);
}

function randomScalar(group: SenderGroup | ReceiverGroup, rng: Rng): Uint8Array {
  return group.scalar(rng.bytes(64));
}

function refused(what: string): never {
  throw new ProtocolError(
    `base OT: expected ${what} to be a canonical ristretto255 point other than the identity, ` +
      'got another string',
  );
}
