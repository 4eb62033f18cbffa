import { expect, test } from 'vitest';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import type { ClientParty, ServerParty } from '../../../pipelines/inference/offline.ts';
import { wireOf } from '../../../pipelines/plan/plan.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Channel, Tag } from '../../../crypto/channel/channel.ts';
import { MeteredChannel } from '../../../crypto/channel/meter.ts';
import { silentTools, silentWork } from '../../../crypto/ot/silent-work.ts';
import { SilentChoosing, SilentOffering } from '../../../crypto/ot/silent-transfers.ts';
import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { bothActivationWork, serverActivationWork } from '../../../crypto/steps/activation/work.ts';
import { dealtOt } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';

test('a phase that fails is over when the work that it began is over, and its channel is closed at once', async () => {
  const [channel, peer] = memoryChannels();
  const rng = seededRng('offline');
  const [, ot] = await dealtOt(rng);
  const work = Promise.withResolvers<Uint32Array>();
  let over = false;
  const phase = offlineServer(channel, tinyPlan, tinyWeights(), {
    ot,
    rng,
    work: await serverActivationWork(),
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

/** Silent transfers in both directions, from rows that a trusted party's trees give. */
async function silentOt(rng: Rng): Promise<[OtClient, OtServer]> {
  const [client, server] = await dealtOt(rng);
  const work = silentWork(await silentTools());
  const options = () =>
    ({ set: 'testInsecure', transcript: rng.bytes(32), code: rng.bytes(16), work }) as const;
  const [up, down] = [options(), options()];
  return [
    {
      role: 'client',
      choosing: new SilentChoosing(client.choosing, up),
      offering: new SilentOffering(client.offering, down, rng),
    },
    {
      role: 'server',
      choosing: new SilentChoosing(server.choosing, down),
      offering: new SilentOffering(server.offering, up, rng),
    },
  ];
}

/** Notes what is sent. */
class Noting extends MeteredChannel {
  readonly sent: Tag[] = [];

  override send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    this.sent.push(tag);
    return super.send(tag, step, payload, part);
  }
}

/** Shares of nothing: a frame each way for each linear step. */
function linearFrames(): {
  readonly client: ClientParty['linear'];
  readonly server: ServerParty['linear'];
} {
  const share = (id: number) => {
    const { output } = tinyPlan.steps.find((step) => step.id === id)!;
    return new Uint32Array(sizeOf(wireOf(tinyPlan, output).shape));
  };
  return {
    client: async (channel: Channel, id) => {
      await channel.send(tags.linearRequest, id, new Uint8Array());
      await channel.receive(tags.linearResponse, id, 0);
      return share(id);
    },
    server: async (channel: Channel, id) => {
      await channel.receive(tags.linearRequest, id, 0);
      await channel.send(tags.linearResponse, id, new Uint8Array());
      return share(id);
    },
  };
}

async function phase([client, server]: [OtClient, OtServer]): Promise<{
  readonly up: readonly Tag[];
  readonly down: readonly Tag[];
}> {
  const [near, far] = memoryChannels();
  const [up, down] = [new Noting(near), new Noting(far)];
  const linear = linearFrames();
  const work = await bothActivationWork();
  const rng = seededRng('phase');
  await Promise.all([
    offlineClient(up, tinyPlan, { ot: client, rng, work, linear: linear.client }),
    offlineServer(down, tinyPlan, tinyWeights(), { ot: server, rng, work, linear: linear.server }),
  ]);
  return { up: up.sent, down: down.sent };
}

const { linearRequest, linearResponse, otExtension, otCorrections, otCheck, tables } = tags;

/** The tables hang on them: those of a layer leave while the next ones are computed. */
test('silent transfers in which the client chooses come before the linear steps', async () => {
  const sent = await phase(await silentOt(seededRng('early')));
  expect(sent.up.slice(0, 3)).toEqual([otExtension, linearRequest, linearRequest]);
  expect(sent.up.slice(3, 5)).toEqual([otCorrections, tables]);
  expect(sent.up.slice(5)).toEqual([otCheck, otCheck]);
  expect(sent.down).toEqual([otExtension, otCorrections, linearResponse, linearResponse, otCheck, otCheck]);
});

test('those of SoftSpokenOT come after them, for they have many bytes', async () => {
  const sent = await phase(await dealtOt(seededRng('late')));
  expect(sent.up).toEqual([linearRequest, linearRequest, otExtension, tables]);
  expect(sent.down).toEqual([otExtension, linearResponse, linearResponse]);
});
