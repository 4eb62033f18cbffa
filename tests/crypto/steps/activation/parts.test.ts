import { beforeAll, expect, test } from 'vitest';
import {
  clientParts,
  clientReply,
  serverFinish,
  serverMessage,
  serverParts,
} from '../../../../crypto/steps/activation/activation.ts';
import { activationInClear } from '../../../../crypto/steps/activation/clear.ts';
import { countElements, kindsInOrder } from '../../../../crypto/steps/activation/layer.ts';
import { messageBytes, onlinePartBytes, replyBytes } from '../../../../crypto/steps/activation/messages.ts';
import { partCounts } from '../../../../crypto/steps/activation/parts.ts';
import type { OtClient, OtServer } from '../../../../crypto/ot/session.ts';
import { batchElements } from '../../../../crypto/sign/batch.ts';
import { elementKinds } from '../../../../crypto/spec.ts';
import type { ActivationSpec } from '../../../../crypto/spec.ts';
import { share } from '../../../../crypto/share.ts';
import { ReluctantError } from '../../../../src/shared/errors.ts';
import { realOt, prepare, reluSpec, someSpec, someValues } from '../../../helpers/protocol/activation.ts';
import { seededRng } from '../../../helpers/rng.ts';

let ot: [OtClient, OtServer];
beforeAll(async () => {
  ot = await realOt(seededRng('parts'));
});

/** 6,000 ReLUs, 5,000 squares and 1,000 affine elements in 4 channels, mixed; so 2 parts. */
function mixedSpec(): ActivationSpec {
  const spec = someSpec('mixed', 3000, seededRng('mixed parts'), reluSpec(4));
  const of = [elementKinds.relu, elementKinds.square] as const;
  const kinds = spec.kinds.map((_, i) => (i % 12 === 5 ? elementKinds.affine : of[i % 2 === 0 ? 0 : 1]));
  return { ...spec, kinds };
}

const cases = {
  mixed: mixedSpec,
  relu: () => someSpec('relu', 2100, seededRng('r'), reluSpec(3)),
  affine: () => someSpec('affine', 2100, seededRng('a'), reluSpec(3)),
  one: () => someSpec('mixed', 25, seededRng('o'), reluSpec(3)),
};

test.each(Object.entries(cases))(
  'a layer in parts is the layer, and a part is answered before the next is made: %s',
  async (_, make) => {
    const spec = make();
    const rng = seededRng('values');
    const x = someValues(spec.kinds.length, 20, rng);
    const shares = share(x, rng);
    const { client, server } = await prepare(ot, spec, shares.client, rng);
    const { mask } = client;
    const [ofClient, ofServer] = [clientParts(client), serverParts(server)];
    const lengths = onlinePartBytes(spec);
    expect([ofClient.length, ofServer.length]).toEqual([lengths.length, lengths.length]);
    const u = new Uint32Array(spec.kinds.length);
    ofServer.forEach((part, i) => {
      const message = serverMessage(part, shares.server);
      const reply = clientReply(ofClient[i]!, message);
      expect({ message: message.length, reply: reply.length }).toEqual(lengths[i]);
      serverFinish(part, reply, u);
    });
    const y = new Int32Array(u.map((word, i) => word + mask[i]!).buffer);
    expect(y).toEqual(activationInClear(spec, x, shares.client));
  },
);

test('the material of a layer goes to its parts once', async () => {
  const spec = cases.one();
  const rng = seededRng('once');
  const shares = share(someValues(spec.kinds.length, 20, rng), rng);
  const { client, server } = await prepare(ot, spec, shares.client, rng);
  const [part] = serverParts(server);
  clientParts(client);
  for (const again of [
    () => serverParts(server),
    () => serverMessage(server, shares.server),
    () => clientParts(client),
  ])
    expect(again).toThrow(ReluctantError);
  serverMessage(part!, shares.server);
  expect(() => serverMessage(part!, shares.server)).toThrow(ReluctantError);
});

test('parts have whole batches, all elements of every kind between them, and the bytes of the layer', () => {
  for (const make of Object.values(cases)) {
    const spec = make();
    const counts = countElements(spec.kinds);
    const parts = partCounts(counts);
    for (const kind of kindsInOrder) {
      expect(parts.reduce((sum, part) => sum + part[kind], 0)).toBe(counts[kind]);
      const full = parts.slice(0, Math.floor(counts[kind] / batchElements));
      expect(full.every((part) => part[kind] === batchElements)).toBe(true);
    }
    const sum = (of: 'message' | 'reply') =>
      onlinePartBytes(spec).reduce((total, part) => total + part[of], 0);
    expect([sum('message'), sum('reply')]).toEqual([messageBytes(spec), replyBytes(spec)]);
  }
  expect(partCounts({ relu: 0, affine: 0, square: 0 })).toEqual([{ relu: 0, affine: 0, square: 0 }]);
  expect(partCounts({ relu: 12_544, affine: 5000, square: 1 })).toEqual([
    { relu: 4096, affine: 4096, square: 1 },
    { relu: 4096, affine: 904, square: 0 },
    { relu: 4096, affine: 0, square: 0 },
    { relu: 256, affine: 0, square: 0 },
  ]);
});
