import { beforeEach, describe, expect, test } from 'vitest';
import { activationOfflineServer } from '../../../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../../../crypto/steps/activation/activation.ts';
import { layerOf } from '../../../../crypto/steps/activation/layer.ts';
import { tablesBytes } from '../../../../crypto/steps/activation/messages.ts';
import { idealOt } from '../../../helpers/protocol/ideal-ot.ts';
import { share } from '../../../../crypto/share.ts';
import type { ActivationSpec } from '../../../../crypto/spec.ts';
import { tags } from '../../../../crypto/channel/channel.ts';
import type { Tag } from '../../../../crypto/channel/channel.ts';
import { PlanError, ProtocolError } from '../../../../src/shared/errors.ts';
import { memoryChannels } from '../../../../crypto/channel/memory.ts';
import { prepare, reluSpec, someSpec, someValues, work } from '../../../helpers/protocol/activation.ts';
import type { Prepared } from '../../../helpers/protocol/activation.ts';
import { seededRng } from '../../../helpers/rng.ts';

/** What a peer may send an activation layer: nothing but the lengths and ranges of the spec. */

const rng = seededRng('peer');
const spec = someSpec('mixed', 11, rng, reluSpec(2));
const reluOnly = someSpec('relu', 11, rng, reluSpec(2));
const x = share(someValues(44, 25, rng), rng);
let prepared: Prepared;

beforeEach(async () => {
  prepared = await prepare(idealOt(rng), spec, x.client, rng);
});

const resized = (bytes: Uint8Array, by: number) => {
  const out = new Uint8Array(bytes.length + by);
  out.set(bytes.subarray(0, out.length));
  return out;
};

describe('online', () => {
  test.each([-1, 1, 4, -16])('a server’s frame %i bytes off is refused and uses nothing up', (by) => {
    const message = serverMessage(prepared.server, x.server);
    expect(() => clientReply(prepared.client, resized(message, by))).toThrow(ProtocolError);
    expect(() => clientReply(prepared.client, new Uint8Array())).toThrow(/from the server, got 0/);
    expect(() => clientReply(prepared.client, message)).not.toThrow();
  });

  test.each([-1, 1, 4])('a client’s frame %i bytes off is refused', (by) => {
    const reply = clientReply(prepared.client, serverMessage(prepared.server, x.server));
    expect(() => serverFinish(prepared.server, resized(reply, by))).toThrow(ProtocolError);
    expect(() => serverFinish(prepared.server, reply)).not.toThrow();
  });

  test('bits after the last field must be zero', () => {
    const relus = layerOf(spec).positions.relu.length;
    expect(relus % 8).not.toBe(0);
    const message = serverMessage(prepared.server, x.server);
    const reply = clientReply(prepared.client, message);
    reply[reply.length - 1]! |= 0x80;
    expect(() => serverFinish(prepared.server, reply)).toThrow(ProtocolError);
  });

  test('a frame that does not start at a multiple of four is read the same', () => {
    const shifted = (bytes: Uint8Array) => new Uint8Array([0, ...bytes]).subarray(1);
    const reply = clientReply(prepared.client, shifted(serverMessage(prepared.server, x.server)));
    expect(() => serverFinish(prepared.server, shifted(reply))).not.toThrow();
  });
});

describe('offline', () => {
  /** The server alone, with a frame that a forger has put in its inbox. */
  const against = async (frame?: [Tag, number, Uint8Array], of = reluOnly) => {
    const [channel, forger] = memoryChannels();
    if (frame !== undefined) await forger.send(...frame);
    forger.close();
    const { keys } = await prepare(idealOt(rng), of, x.client, rng);
    return activationOfflineServer(channel, 5, keys.server, work, of);
  };
  const length = tablesBytes(reluOnly);

  test.each([
    ['one byte short', [tags.tables, 5, new Uint8Array(length - 1)]],
    ['one byte long', [tags.tables, 5, new Uint8Array(length + 1)]],
    ['of another step', [tags.tables, 6, new Uint8Array(length)]],
    ['with another tag', [tags.otExtension, 5, new Uint8Array(length)]],
  ] as [string, [Tag, number, Uint8Array]][])('the server refuses tables %s', async (_, frame) => {
    await expect(against(frame)).rejects.toThrow(ProtocolError);
  });

  test('the server refuses stray bits after the flips and takes any strings', async () => {
    const flips = Math.ceil(reluOnly.kinds.length / 8);
    expect(reluOnly.kinds.length % 8).not.toBe(0);
    const stray = new Uint8Array(length);
    stray[flips - 1] = 0x80;
    await expect(against([tags.tables, 5, stray])).rejects.toThrow(/flips: expected zero bits/);
    await expect(against([tags.tables, 5, new Uint8Array(length).fill(0, 0, flips)])).resolves.toBeDefined();
    const full = new Uint8Array(length).fill(255, flips);
    await expect(against([tags.tables, 5, full])).resolves.toBeDefined();
  });

  test('the server uses its keys up: the words of batches go back when they are joined', async () => {
    const { keys } = await prepare(idealOt(rng), reluOnly, x.client, rng);
    const [channel, client] = memoryChannels();
    await client.send(tags.tables, 5, new Uint8Array(length));
    expect(keys.server.batches.every(({ h }) => h.length > 0)).toBe(true);
    await activationOfflineServer(channel, 5, keys.server, work, reluOnly);
    expect(keys.server.batches.every(({ h }) => h.length === 0)).toBe(true);
  });

  test('a peer that leaves ends the phase', async () => {
    await expect(against()).rejects.toThrow(ProtocolError);
  });
});

describe('the spec', () => {
  const broken: [string, (spec: ActivationSpec) => ActivationSpec][] = [
    ['kinds of another length', (s) => ({ ...s, kinds: s.kinds.subarray(1) })],
    ['an unknown kind', (s) => ({ ...s, kinds: s.kinds.map(() => 3) })],
    ['a truncation of 30', (s) => ({ ...s, affine: { ...s.affine, truncate: 30 } })],
    ['half a bit', (s) => ({ ...s, relu: { ...s.relu, truncate: 0.5 } })],
    ['a window above the ring', (s) => ({ ...s, relu: { ...s.relu, bits: 32 } })],
    ['an empty window', (s) => ({ ...s, relu: { ...s.relu, k: 27 } })],
    ['too few multipliers', (s) => ({ ...s, square: { ...s.square, multiplier: Int32Array.of(1) } })],
    ['a sign of 0', (s) => ({ ...s, square: { ...s.square, sign: new Int8Array(4) } })],
  ];
  test.each(broken)('%s is refused', (_, change) => {
    expect(() => layerOf(change(spec))).toThrow(PlanError);
  });

  test('shares of another length are the caller’s fault', () => {
    expect(() => serverMessage(prepared.server, x.server.subarray(1))).toThrow(RangeError);
  });
});
