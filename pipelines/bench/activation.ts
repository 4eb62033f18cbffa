import { waysOf } from '../../crypto/ot/transfers.ts';
import '../../crypto/platform/node.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import { sendTables, takeTables } from '../../crypto/steps/activation/correlations.ts';
import { sharesByKind, layerOf } from '../../crypto/steps/activation/layer.ts';
import { clientTransfers, serverTransfers } from '../../crypto/steps/activation/messages.ts';
import { clientKeys, serverKeys } from '../../crypto/steps/activation/transfers.ts';
import type { ClientKeys, ServerKeys } from '../../crypto/steps/activation/transfers.ts';
import { stringBytes, transfersOf } from '../../crypto/sign/batch.ts';
import { productTransfers } from '../../crypto/products/products.ts';
import {
  bothActivationWork,
  clientActivationWork,
  serverActivationWork,
} from '../../crypto/steps/activation/work.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { elementKinds } from '../../crypto/spec.ts';
import type { ActivationSpec, ElementKind } from '../../crypto/spec.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { median } from '../../src/shared/median.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { nonNegativeLeastSquares } from './least-squares.ts';
import { activationParts, hashingParts } from '../cost/machine.ts';
import type { ActivationPart, ElementCosts, MachineCosts } from '../cost/machine.ts';

/** The elements of a measured layer. */
const elements = 16_384;
/** Window bits of the layers of ReLUs: transfers and strings grow unlike. */
const windows = [8, 14, 19, 24];
/** Of the other layers, whose ReLUs' window does not matter. */
const anyWindow = 8;
/**
 * The runs of each layer that warm up the compiler, and the runs that count. The result is their median,
 * because garbage is collected in many of them.
 */
const [warmUps, counted] = [2, 5];

type PartTimes = Record<ActivationPart, number>;

/**
 * Measures the costs of the parts of an activation, from layers of one kind of element each; ReLUs have
 * several widths of the window.
 */
export async function activationCosts(rng: Rng): Promise<MachineCosts['activation']> {
  const session = await openSession(rng);
  const layers = [
    ...windows.map((bits) => ({ spec: layerSpec('relu', bits), runs: [] as PartTimes[] })),
    { spec: layerSpec('affine', anyWindow), runs: [] as PartTimes[] },
    { spec: layerSpec('square', anyWindow), runs: [] as PartTimes[] },
  ];
  // The layers take turns, so that a slow moment of the machine affects all of them.
  for (let run = 0; run < warmUps + counted; run++) {
    for (const { spec, runs } of layers) {
      const found = await partTimes(session, spec, rng);
      if (run >= warmUps) runs.push(found);
    }
  }
  const times = layers.map(({ runs }) => medians(runs));
  const [affine, square] = [times.at(-2)!, times.at(-1)!];
  const rows = windows.map((bits) => [1, transfersOf(bits), stringBytes(bits, 8) / 8]);
  return eachPart((part): ElementCosts => {
    const ofWindows = times.slice(0, windows.length).map((time) => time[part]);
    const [relu, transfer, string] = nonNegativeLeastSquares(rows, ofWindows) as [number, number, number];
    const hashed = hashingParts.has(part) ? productTransfers * transfer : 0;
    const ofSquare = Math.max(0, square[part] - hashed);
    return { relu, transfer, string, affine: affine[part], square: ofSquare };
  });
}

function eachPart<T>(of: (part: ActivationPart) => T): Record<ActivationPart, T> {
  return Object.fromEntries(activationParts.map((part) => [part, of(part)])) as Record<ActivationPart, T>;
}

function medians(runs: readonly PartTimes[]): PartTimes {
  return eachPart((part) => median(runs.map((run) => run[part])));
}

type Session = {
  readonly toServer: Channel;
  readonly toClient: Channel;
  readonly client: OtClient;
  readonly server: OtServer;
};

async function openSession(rng: Rng): Promise<Session> {
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  return { toServer, toClient, client, server };
}

/** A layer whose ReLUs have `bits` bits in their window; every kind is truncated by 8 bits. */
function layerSpec(kind: ElementKind, bits: number): ActivationSpec {
  const one = (value: number) => Int32Array.of(value);
  return {
    channels: 1,
    channelSize: elements,
    kinds: new Uint8Array(elements).fill(elementKinds[kind]),
    relu: { truncate: 8, k: 8, bits: 7 + bits, mode: 'posZero' },
    affine: { truncate: 8, multiplier: one(1), offset: one(0) },
    square: { truncate: 8, multiplier: one(1), offset: one(0), sign: Int8Array.of(1), constant: one(0) },
  };
}

/** The processor seconds of each part per element. */
async function partTimes(session: Session, spec: ActivationSpec, rng: Rng): Promise<PartTimes> {
  const keys = await keyTimes(session, spec, rng);
  const found = { ...keys.times, ...(await layerTimes(session, spec, keys, rng)) };
  return eachPart((part) => found[part] / elements);
}

type LayerKeys = { readonly client: ClientKeys; readonly server: ServerKeys };

/** What drawing the transfers takes is measured apart. */
async function keyTimes({ toServer, toClient, client, server }: Session, spec: ActivationSpec, rng: Rng) {
  const [up, down] = [clientTransfers(spec), serverTransfers(spec)];
  await client.choosing.prepare(waysOf(toServer), up);
  await server.choosing.prepare(waysOf(toClient), down);
  await server.offering.prepare(waysOf(toClient), up);
  await client.offering.prepare(waysOf(toServer), down);
  const clock = new PartClock();
  const ofServer = await serverKeys(server, spec, await serverActivationWork());
  const atServer = clock.lap();
  const ofClient = await clientKeys(client, spec, await clientActivationWork(), rng);
  const times = { clientKeys: clock.lap(), serverKeys: atServer };
  return { client: ofClient, server: ofServer, times };
}

/** The layer's messages, offline once to time them alone and once for the whole state. */
async function layerTimes({ toServer, toClient }: Session, spec: ActivationSpec, keys: LayerKeys, rng: Rng) {
  const layer = layerOf(spec);
  const [xC, xS] = [randomWords(rng, elements), randomWords(rng, elements)];
  const values = sharesByKind(layer, xC);
  const work = await bothActivationWork();
  // Keys serve once: what is made of them takes their memory.
  const first = structuredClone(keys);
  const clock = new PartClock();
  await sendTables(toServer, 1, layer, first.client, values, work);
  const clientTables = clock.lap();
  await takeTables(toClient, 1, layer, first.server, work);
  const serverTables = clock.lap();
  const [c, s] = await Promise.all([
    activationOfflineClient(toServer, 1, keys.client, work, spec, xC, randomWords(rng, elements)),
    activationOfflineServer(toClient, 1, keys.server, work, spec),
  ]);
  clock.lap();
  const sent = serverMessage(s, xS);
  const message = clock.lap();
  const answer = clientReply(c, sent);
  const reply = clock.lap();
  serverFinish(s, answer);
  return { clientTables, serverTables, message, reply, finish: clock.lap() };
}

/**
 * The processor seconds of this process since the last lap. (Those of a single thread are counted in ticks of
 * 4 ms.)
 */
export class PartClock {
  #last = process.cpuUsage();

  lap(): number {
    const { user, system } = process.cpuUsage(this.#last);
    this.#last = process.cpuUsage();
    return (user + system) / 1e6;
  }
}
