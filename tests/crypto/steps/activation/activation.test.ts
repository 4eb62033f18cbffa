import { beforeAll, describe, expect, test } from 'vitest';
import {
  clientReply,
  messageBytes,
  offlineBytes,
  replyBytes,
} from '../../../../crypto/steps/activation/activation.ts';
import { serverFinish, serverMessage } from '../../../../crypto/steps/activation/activation.ts';
import { activationInClear } from '../../../../crypto/steps/activation/clear.ts';
import { clientTransfers, serverTransfers } from '../../../../crypto/steps/activation/messages.ts';
import { faultProbability } from '../../../../crypto/steps/activation/window.ts';
import { idealOt } from '../../../helpers/protocol/ideal-ot.ts';
import type { OtClient, OtServer } from '../../../../crypto/ot/session.ts';
import { open, share } from '../../../../crypto/share.ts';
import type { ActivationSpec } from '../../../../crypto/spec.ts';
import { randomWords } from '../../../../src/shared/random.ts';
import { ReluctantError } from '../../../../src/shared/errors.ts';
import {
  online,
  prepare,
  realOt,
  reluSpec,
  runLayer,
  someSpec,
  someValues,
} from '../../../helpers/protocol/activation.ts';
import type { Kinds } from '../../../helpers/protocol/activation.ts';
import { seededRng } from '../../../helpers/rng.ts';
import { sixSigma, trialsZ, wordsZ } from '../../../helpers/statistics.ts';

let real: [OtClient, OtServer];
beforeAll(async () => {
  real = await realOt(seededRng('activation tests'));
});

const zero = (spec: ActivationSpec): ActivationSpec => ({
  ...spec,
  relu: { ...spec.relu, truncate: 0 },
  affine: { ...spec.affine, truncate: 0 },
  square: { ...spec.square, truncate: 0 },
});

describe('the protocol opened is the clear computation, bit for bit', () => {
  const cases: [string, Kinds, (spec: ActivationSpec) => ActivationSpec][] = [
    ['mixed kinds', 'mixed', (spec) => spec],
    ['mixed kinds, nothing truncated', 'mixed', zero],
    ['ReLUs only', 'relu', (spec) => spec],
    ['squares only', 'square', (spec) => spec],
    ['affine only', 'affine', (spec) => spec],
    ['affine only, nothing truncated', 'affine', zero],
  ];
  for (const mode of ['posZero', 'negPass'] as const) {
    for (const k of [0, 12]) {
      test.each(cases)(`%s, k = ${k}, ${mode}`, async (_, kinds, change) => {
        const rng = seededRng(`${kinds} ${k} ${mode}`);
        const spec = change(someSpec(kinds, 700, rng, reluSpec(k, mode)));
        const x = someValues(spec.kinds.length, 25, rng);
        const { y, shares } = await runLayer(real, spec, x, rng);
        expect(y).toEqual(activationInClear(spec, x, shares.client));
      });
    }
  }

  test('holds for one element, for none, and for more than share a hash key', async () => {
    for (const channelSize of [1, 0, 3000]) {
      const rng = seededRng(`size ${channelSize}`);
      const spec = someSpec('relu', channelSize, rng, reluSpec(3));
      const x = someValues(spec.kinds.length, 25, rng);
      const { y, shares } = await runLayer(real, spec, x, rng);
      expect(y).toEqual(activationInClear(spec, x, shares.client));
    }
  });

  test.each(['mixed', 'square', 'affine'] as const)(
    'holds where the offline message comes in parts: %s',
    async (kinds) => {
      const rng = seededRng(`parts ${kinds}`);
      const spec = someSpec(kinds, 4000, rng, reluSpec(5));
      const x = someValues(spec.kinds.length, 25, rng);
      const shares = share(x, rng);
      const most = 777;
      const parted = await prepare(real, spec, shares.client, rng, undefined, undefined, most);
      const length = offlineBytes(spec) - 16;
      expect(parted.up).toBe(length + 16 * Math.ceil(length / most));
      expect(parted.tables).toHaveLength(length);
      const y = open(parted.client.mask, online(parted, shares));
      expect(y).toEqual(activationInClear(spec, x, shares.client));
    },
  );

  test('holds with ideal OT in place of the real one', async () => {
    const rng = seededRng('ideal parts');
    const spec = someSpec('mixed', 500, rng, reluSpec(5));
    const x = someValues(2000, 25, rng);
    const { y, shares } = await runLayer(idealOt(rng), spec, x, rng);
    expect(y).toEqual(activationInClear(spec, x, shares.client));
  });
});

describe('what the activations mean', () => {
  test('k = 0 is ReLU, cut to within one unit', async () => {
    const rng = seededRng('exact relu');
    const spec = someSpec('relu', 2500, rng, reluSpec(0));
    const x = someValues(10_000, 25, rng);
    x.set([0, 1, -1, 2 ** 26 - 1, 1 - 2 ** 26]);
    const { y } = await runLayer(real, spec, x, rng);
    const error = y.map((value, i) => (Math.abs(value - Math.max(x[i]!, 0) / 2 ** 8) < 1 ? 0 : 1));
    expect(error).toEqual(new Int32Array(x.length));
  });

  test('affine and square follow their formulas to within the rounding of T', async () => {
    const rng = seededRng('formulas');
    const spec = someSpec('mixed', 1000, rng, reluSpec(0));
    const x = someValues(4000, 24, rng);
    const { y } = await runLayer(real, spec, x, rng);
    for (let i = 0; i < x.length; i++) {
      const channel = Math.floor(i / 1000);
      if (spec.kinds[i] === 0) {
        const { multiplier, offset, truncate } = spec.affine;
        const exact = (multiplier[channel]! * x[i]!) / 2 ** truncate + offset[channel]!;
        if (Math.abs(y[i]! - exact) >= 1) expect.fail(`affine element ${i}`);
      } else if (spec.kinds[i] === 2) {
        const { multiplier, offset, truncate, sign, constant } = spec.square;
        const z = (multiplier[channel]! * x[i]!) / 2 ** truncate + offset[channel]!;
        const candidates = [Math.floor(z), Math.ceil(z)].map(
          (r) => sign[channel]! * r * r + constant[channel]!,
        );
        if (!candidates.includes(y[i]!)) expect.fail(`square element ${i}`);
      }
    }
  });

  /**
   * 100,000 independent faults against the closed form; |z| < 6 is missed by chance with probability 2 *
   * 10^-9.
   */
  test.each(['posZero', 'negPass'] as const)('k = 12, %s: the fault rate is the formula’s', async (mode) => {
    const rng = seededRng(`faults ${mode}`);
    const k = 12;
    const spec = someSpec('relu', 25_000, rng, reluSpec(k, mode, 0));
    const x = someValues(100_000, 12, rng).map((value) => (value === 0 ? 1 : value));
    const { y } = await runLayer(real, spec, x, rng);
    const faults = y.reduce((sum, value, i) => sum + (value === Math.max(x[i]!, 0) ? 0 : 1), 0);
    const formula = Array.from(x, (value) => faultProbability(value, k, mode));
    expect(faults).toBeGreaterThan(10_000);
    expect(Math.abs(trialsZ(faults, formula))).toBeLessThan(sixSigma);
    // The test can fail: a formula that is too low by 1/32 is refused.
    const planted = formula.map((p) => Math.max(p - 1 / 32, 0));
    expect(trialsZ(faults, planted)).toBeGreaterThan(sixSigma);
  });
});

describe('secrecy that can be seen', () => {
  test('the server’s output share is uniform; without the mask it would not be', async () => {
    for (const kinds of ['relu', 'affine', 'square'] as const) {
      const rng = seededRng(`uniform ${kinds}`);
      const spec = someSpec(kinds, 5000, rng, reluSpec(4));
      const x = new Int32Array(20_000).fill(123_456);
      const shares = share(x, rng);
      const masked = await prepare(real, spec, shares.client, rng);
      expect(wordsZ(masked.client.mask)).toBeLessThan(sixSigma);
      expect(wordsZ(online(masked, shares))).toBeLessThan(sixSigma);

      const planted = await prepare(real, spec, shares.client, rng);
      planted.client.mask.fill(0);
      expect(wordsZ(online(planted, shares))).toBeGreaterThan(sixSigma);
    }
  });

  test('the words of both frames are uniform for constant inputs', async () => {
    const rng = seededRng('uniform frames');
    const spec = someSpec('mixed', 4000, rng, reluSpec(4));
    const shares = share(new Int32Array(16_000).fill(-77_777), rng);
    const { client, server } = await prepare(real, spec, shares.client, rng);
    const message = serverMessage(server, shares.server);
    const reply = clientReply(client, message);
    for (const frame of [message, reply]) {
      const words = new Uint32Array(frame.buffer, 0, frame.byteLength >> 2);
      expect(wordsZ(words)).toBeLessThan(sixSigma);
    }
  });
});

describe('bytes and order', () => {
  test.each(['mixed', 'relu', 'affine', 'square'] as const)(
    '%s: lengths are the formulas’',
    async (kinds) => {
      for (const channelSize of [1, 33]) {
        const rng = seededRng(`bytes ${kinds}`);
        const specs = [someSpec(kinds, channelSize, rng, reluSpec(2))];
        for (const spec of [...specs, ...specs.map(zero)]) {
          const x = share(someValues(spec.kinds.length, 25, rng), rng);
          const prepared = await prepare(real, spec, x.client, rng);
          expect({ up: prepared.up, down: prepared.down }).toEqual({ up: offlineBytes(spec), down: 0 });
          const message = serverMessage(prepared.server, x.server);
          expect(message.byteLength).toBe(messageBytes(spec));
          expect(clientReply(prepared.client, message).byteLength).toBe(replyBytes(spec));
        }
      }
    },
  );

  test.each([
    [15, 138.875, 16.125],
    [19, 202.375, 16.625],
  ])('a ReLU with %i window bits takes %f bytes offline and %f online', (window, offline, online) => {
    const relu = { truncate: 8, k: 12, bits: 11 + window, mode: 'posZero' as const };
    const spec = someSpec('relu', 1024, seededRng('budget'), relu);
    expect((messageBytes(spec) + replyBytes(spec)) / 4096).toBe(online);
    // 31 bits of corrections a transfer at depth 4, and the layer's own message without its header.
    const transfers = clientTransfers(spec) + serverTransfers(spec);
    expect(((31 / 8) * transfers + offlineBytes(spec) - 16) / 4096).toBe(offline);
  });

  test('a truncation of 0 in an affine layer needs nothing offline and nothing from the server', () => {
    const spec = zero(someSpec('affine', 10, seededRng('free'), reluSpec(0)));
    expect(offlineBytes(spec)).toBe(0);
    expect(messageBytes(spec)).toBe(0);
    expect(replyBytes(spec)).toBe(4 * 40);
  });

  test('a mask drawn before is the client’s output share; one of another length is refused', async () => {
    const rng = seededRng('given mask');
    const spec = someSpec('mixed', 10, rng, reluSpec(2));
    const x = share(someValues(40, 25, rng), rng);
    const mask = randomWords(rng, 40);
    const { client } = await prepare(real, spec, x.client, rng, mask);
    expect(client.mask).toEqual(mask);
    await expect(prepare(idealOt(rng), spec, x.client, rng, mask.subarray(1))).rejects.toThrow(RangeError);
  });

  test('material is taken once, and in order', async () => {
    const rng = seededRng('once');
    const spec = someSpec('mixed', 10, rng, reluSpec(2));
    const x = share(someValues(40, 25, rng), rng);
    const { client, server } = await prepare(real, spec, x.client, rng);
    expect(() => serverFinish(server, new Uint8Array(replyBytes(spec)))).toThrow(ReluctantError);
    const message = serverMessage(server, x.server);
    expect(() => serverMessage(server, x.server)).toThrow(ReluctantError);
    const reply = clientReply(client, message);
    expect(() => clientReply(client, message)).toThrow('one-time material');
    serverFinish(server, reply);
    expect(() => serverFinish(server, reply)).toThrow(ReluctantError);
  });
});
