import { beforeAll, expect, test } from 'vitest';
import { asBytes } from '../../crypto/bits.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { elementKinds } from '../../crypto/spec.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { share } from '../../crypto/share.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
  clientReply,
  serverMessage,
} from '../../crypto/steps/activation/activation.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import {
  keysOfClient,
  keysOfServer,
  realOt,
  reluSpec,
  someSpec,
  someValues,
  work,
} from '../helpers/protocol/activation.ts';
import { seededRng } from '../helpers/rng.ts';
import { coinsZ, sixSigma, wordsZ } from '../helpers/statistics.ts';

/**
 * One-time secrets across two layers of equal shape, two inferences and two sessions, on the real halves:
 * each is uniform over its whole range, no two are equal or differ by something that shows, and no secret is
 * found among the bytes on the wire.
 */
const channelSize = 700;
const layers = 2;
const inferences = 2;

type Secrets = Readonly<Record<string, Uint8Array>>;
type Run = { readonly secrets: readonly Secrets[]; readonly wire: readonly Uint8Array[] };

/** Keeps what is sent. */
function keeping(channel: Channel, sent: Uint8Array[]): Channel {
  const send: Channel['send'] = (tag, step, payload, part) => {
    sent.push(payload.slice());
    return channel.send(tag, step, payload, part);
  };
  return {
    send,
    receive: (tag, step, length, part) => channel.receive(tag, step, length, part),
    receiveUpTo: (tag, step, length) => channel.receiveUpTo(tag, step, length),
    get traffic() {
      return channel.traffic;
    },
    close: (reason) => channel.close(reason),
  };
}

const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** One layer of an inference: all that each party draws or keeps for it. */
async function layerSecrets(
  [otC, otS]: [OtClient, OtServer],
  spec: ActivationSpec,
  rng: Rng,
  wire: Uint8Array[],
): Promise<Secrets> {
  const [near, far] = memoryChannels();
  const [toServer, toClient] = [keeping(near, wire), keeping(far, wire)];
  const [keysC, keysS] = await Promise.all([
    keysOfClient(toServer, otC, spec, rng),
    keysOfServer(toClient, otS, spec),
  ]);
  const x = share(someValues(spec.kinds.length, 20, rng), rng);
  const [client, server] = await Promise.all([
    activationOfflineClient(toServer, 1, keysC, work, spec, x.client, randomWords(rng, x.client.length)),
    activationOfflineServer(toClient, 1, keysS, work, spec),
  ]);
  const [c, s] = [client.material!, server.material!];
  const secrets = {
    'mask r': asBytes(client.mask),
    'factor u': asBytes(c.product.u),
    'factor a': asBytes(s.product.a),
    'bits b': c.relu.b,
    'choices of C': keysC.choices,
    'bits e_S': s.relu.signs.e,
    'choices of S': joined(s.relu.signs.batches.map(({ choices }) => choices)),
    'keys of C, 0': joined(keysC.batches.map(({ k0 }) => k0)),
    'keys of C, 1': joined(keysC.batches.map(({ k1 }) => k1)),
    'keys of S': joined(keysS.batches.map(({ keys }) => keys)),
    'tables of C': joined(c.relu.signs),
    'tables of S': joined(s.relu.signs.batches.map(({ tables }) => tables)),
    'words h0': asBytes(c.relu.pairs.k0),
    'words k0': asBytes(s.relu.pairs.k0),
  };
  const kept = Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, bytes.slice()]));
  const message = serverMessage(server, x.server);
  wire.push(message.slice(), clientReply(client, message));
  return kept;
}

const ofBits = new Set(['bits b', 'choices of C', 'bits e_S']);

async function session(seed: string): Promise<Run & { readonly ot: [OtClient, OtServer] }> {
  const rng = seededRng(seed);
  const ot = await realOt(rng);
  const some = someSpec('mixed', channelSize, seededRng('spec'), reluSpec(6, 'posZero', 8));
  // A multiple of 8 ReLUs, so that planes fill their bytes.
  const kindOf = (i: number) =>
    i < 1600 ? elementKinds.relu : i % 2 === 0 ? elementKinds.affine : elementKinds.square;
  const spec = { ...some, kinds: some.kinds.map((_, i) => kindOf(i)) };
  const [secrets, wire]: [Secrets[], Uint8Array[]] = [[], []];
  for (let i = 0; i < layers * inferences; i++) secrets.push(await layerSecrets(ot, spec, rng, wire));
  return { secrets, wire, ot };
}

let runs: Awaited<ReturnType<typeof session>>[];
let all: Secrets[];
beforeAll(async () => {
  runs = [await session('session 1'), await session('session 2')];
  all = runs.flatMap(({ secrets }) => secrets);
});

const z = (name: string, bytes: Uint8Array) =>
  ofBits.has(name) ? coinsZ(bytes) : wordsZ(new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer));
const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, i) => byte ^ b[i]!);

test('each is uniform over its whole range', () => {
  for (const name of Object.keys(all[0]!)) {
    expect(z(name, joined(all.map((own) => own[name]!))), name).toBeLessThan(sixSigma);
  }
});

test('of every two layers, inferences and sessions they are apart', () => {
  for (const name of Object.keys(all[0]!)) {
    for (let i = 0; i < all.length; i++) {
      for (let j = 0; j < i; j++) {
        expect(z(name, xor(all[i]![name]!, all[j]![name]!)), `${name}, ${i} and ${j}`).toBeLessThan(sixSigma);
      }
    }
  }
});

test('planted: a secret that comes again, or has 31 bits, shows', () => {
  const again = all[0]!['mask r']!;
  expect(z('mask r', xor(again, again))).toBeGreaterThan(2 * sixSigma);
  const short = again.map((byte, i) => (i % 4 === 3 ? byte & 0x7f : byte));
  expect(z('mask r', short)).toBeGreaterThan(2 * sixSigma);
});

test('b is no bit of r, of u or of C’s other choices; e_S is no bit of S’s', () => {
  const bit = (words: Uint8Array, b: number) => {
    const values = new Uint32Array(words.slice().buffer);
    return (i: number) => (values[i]! >>> b) & 1;
  };
  for (const own of all) {
    const { length } = own['bits b']!;
    const agree = (bits: Uint8Array, other: (i: number) => number, count: number) =>
      coinsZ(Uint8Array.from({ length: count }, (_, i) => bits[i]! ^ other(i)));
    for (let b = 0; b < 32; b++) {
      expect(agree(own['bits b']!, bit(own['mask r']!, b), length), `r, bit ${b}`).toBeLessThan(sixSigma);
      const words = own['words k0']!;
      expect(agree(own['bits e_S']!, bit(words, b), length), `k0, bit ${b}`).toBeLessThan(sixSigma);
    }
    // rot1 comes first among C's choices: b is those, and the truncations' are others.
    const rest = own['choices of C']!.subarray(length, 2 * length);
    expect(agree(own['bits b']!, (i) => rest[i]!, rest.length)).toBeLessThan(sixSigma);
  }
});

test('Deltas and salts are of one direction of one session', () => {
  const deltas = runs.flatMap(({ ot: [c, s] }) => [c.offering.delta, s.offering.delta]);
  const salts = runs.flatMap(({ ot: [c, s] }) => [c.offering.salt, s.offering.salt]);
  for (const { ot } of runs) {
    expect(ot[0].offering.salt).toEqual(ot[1].choosing.salt);
    expect(ot[1].offering.salt).toEqual(ot[0].choosing.salt);
  }
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  expect(new Set([...deltas.map(asBytes), ...salts].map(hex)).size).toBe(8);
  for (const delta of deltas) {
    // 127 free bits: fewer than 32 ones, or more than 96, come once in 10^8.
    const ones = [...asBytes(delta)].reduce(
      (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
      0,
    );
    expect(ones).toBeGreaterThan(31);
    expect(ones).toBeLessThan(97);
  }
});

test('no secret stands among the bytes on the wire; planted: one that does is found', () => {
  for (const { wire, secrets, ot } of runs) {
    const seen = new Set<string>();
    const note = (bytes: Uint8Array) => {
      for (let at = 0; at + 12 <= bytes.length; at++) {
        seen.add(Buffer.from(bytes.buffer, bytes.byteOffset + at, 12).toString('latin1'));
      }
    };
    for (const frame of wire) note(frame.subarray(0, 2 ** 16));
    const pieces = (bytes: Uint8Array) =>
      Array.from({ length: Math.min(200, Math.floor(bytes.length / 12)) }, (_, i) =>
        Buffer.from(bytes.slice(12 * i, 12 * i + 12)).toString('latin1'),
      );
    const secret = [
      ...secrets.flatMap((own) =>
        Object.entries(own).flatMap(([name, bytes]) => (ofBits.has(name) ? [] : pieces(bytes))),
      ),
      ...[ot[0].offering.delta, ot[1].offering.delta].flatMap((delta) => pieces(asBytes(delta))),
    ];
    expect(secret.filter((piece) => seen.has(piece))).toEqual([]);
    note(asBytes(ot[1].offering.delta));
    expect(secret.filter((piece) => seen.has(piece))).toHaveLength(1);
  }
});
