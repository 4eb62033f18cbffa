import { expect, test } from 'vitest';
import { offlineServer } from '../../../pipelines/inference/offline.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { activationWork } from '../../../crypto/steps/activation/work.ts';
import { dealtOt } from '../../helpers/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyPlan, tinyWeights } from '../../helpers/networks.ts';

test('a phase that fails is over when the work that it began is over, and its channel is closed at once', async () => {
  const [channel, peer] = memoryChannels();
  const rng = seededRng('offline');
  const [, ot] = await dealtOt(rng);
  const work = Promise.withResolvers<Uint32Array>();
  let over = false;
  const phase = offlineServer(channel, tinyPlan, tinyWeights(), {
    ot,
    rng,
    work: await activationWork(),
    linear: (_lane, step) =>
      step === 1 ? Promise.reject(new ProtocolError('step 1: malformed')) : work.promise,
  }).finally(() => (over = true));
  const outcome = expect(phase).rejects.toThrow('step 1: malformed');
  await expect(peer.receive(tags.hello, 0, 0)).rejects.toThrow('the peer left');
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  work.resolve(new Uint32Array(3));
  await outcome;
  expect(over).toBe(true);
});
