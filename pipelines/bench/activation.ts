import '../../crypto/platform/node.ts';
import {
  activationOfflineClient,
  activationOfflineServer,
} from '../../crypto/steps/activation/activation.ts';
import { clientReply, serverFinish, serverMessage } from '../../crypto/steps/activation/activation.ts';
import {
  offerChoices,
  sendGarbled,
  takeChoices,
  takeGarbled,
} from '../../crypto/steps/activation/correlations.ts';
import { sharesByKind, layerOf } from '../../crypto/steps/activation/layer.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { prgSeedBytes } from '../../crypto/prg.ts';
import { randomBits } from '../../crypto/bits.ts';
import { elementKinds } from '../../crypto/spec.ts';
import type { ActivationSpec, ElementKind } from '../../crypto/spec.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { median } from '../../src/shared/median.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { activationParts } from '../cost/machine.ts';
import type { ActivationPart, ElementCosts, MachineCosts } from '../cost/machine.ts';

/** The elements of a measured layer. */
const elements = 16_384;
const [narrow, wide] = [8, 20];
/**
 * The runs of each layer that warm up the compiler, and the runs that count. The result is their median,
 * because garbage is collected in many of them.
 */
const [warmUps, counted] = [2, 5];

type PartTimes = Record<ActivationPart, number>;

/**
 * Measures the costs of the parts of an activation, from layers of one kind of element each; ReLUs have two
 * widths of the window.
 */
export async function activationCosts(rng: Rng): Promise<MachineCosts['activation']> {
  const session = await openSession(rng);
  const specs = {
    narrow: layerSpec('relu', narrow),
    wide: layerSpec('relu', wide),
    affine: layerSpec('affine', narrow),
    square: layerSpec('square', narrow),
  } satisfies Record<'narrow' | 'wide' | Exclude<ElementKind, 'relu'>, ActivationSpec>;
  const runs: Record<keyof typeof specs, PartTimes[]> = { narrow: [], wide: [], affine: [], square: [] };
  // The layers take turns, so that a slow moment of the machine affects all of them.
  for (let run = 0; run < warmUps + counted; run++) {
    for (const name of Object.keys(runs) as (keyof typeof runs)[]) {
      const found = await partTimes(session, specs[name], rng);
      if (run >= warmUps) runs[name].push(found);
    }
  }
  const layers = {
    narrow: medians(runs.narrow),
    wide: medians(runs.wide),
    affine: medians(runs.affine),
    square: medians(runs.square),
  };
  const costs = (part: ActivationPart): ElementCosts => {
    const wire = Math.max(0, (layers.wide[part] - layers.narrow[part]) / (wide - narrow));
    return {
      relu: Math.max(0, layers.narrow[part] - narrow * wire),
      ...{ wire, affine: layers.affine[part], square: layers.square[part] },
    };
  };
  return eachPart(costs);
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

/** A layer whose ReLUs have `wires` bits in their window; every kind is truncated by 8 bits. */
function layerSpec(kind: ElementKind, wires: number): ActivationSpec {
  const one = (value: number) => Int32Array.of(value);
  return {
    channels: 1,
    channelSize: elements,
    kinds: new Uint8Array(elements).fill(elementKinds[kind]),
    relu: { truncate: 8, k: 8, bits: 7 + wires, mode: 'posZero' },
    affine: { truncate: 8, multiplier: one(1), offset: one(0) },
    square: { truncate: 8, multiplier: one(1), offset: one(0), sign: Int8Array.of(1), constant: one(0) },
  };
}

/** The processor seconds of each part per element. */
async function partTimes(session: Session, spec: ActivationSpec, rng: Rng): Promise<PartTimes> {
  const found = { ...(await offlineParts(session, spec, rng)), ...(await onlineParts(session, spec, rng)) };
  return eachPart((part) => found[part] / elements);
}

async function offlineParts({ toServer, toClient, client, server }: Session, spec: ActivationSpec, rng: Rng) {
  const layer = layerOf(spec);
  const clock = new PartClock();
  // Each half sends before the other receives, so that none waits and all time is its own.
  const values = sharesByKind(layer, randomWords(rng, layer.size));
  await offerChoices(toServer, 1, client, layer, values, randomBits(rng, layer.positions.relu.length));
  const offer = clock.lap();
  const { zeros } = await takeChoices(toClient, 1, server, layer);
  await sendGarbled(toClient, 1, server, layer, zeros, rng.bytes(prgSeedBytes), rng);
  const garble = clock.lap();
  await takeGarbled(toServer, 1, client, layer);
  return { offer, garble, take: clock.lap() };
}

async function onlineParts({ toServer, toClient, client, server }: Session, spec: ActivationSpec, rng: Rng) {
  const products = (factors: Uint32Array) => Promise.resolve(randomWords(rng, factors.length));
  const [xC, xS] = [randomWords(rng, elements), randomWords(rng, elements)];
  const [c, s] = await Promise.all([
    activationOfflineClient(toServer, 1, client, products, spec, xC, rng),
    activationOfflineServer(toClient, 1, server, products, spec, rng),
  ]);
  const clock = new PartClock();
  const sent = serverMessage(s, xS);
  const message = clock.lap();
  const answer = clientReply(c, sent);
  const reply = clock.lap();
  serverFinish(s, answer);
  return { message, reply, finish: clock.lap() };
}

/**
 * The processor seconds of this process since the last lap. (Those of a single thread are counted in ticks of
 * 4 ms.)
 */
class PartClock {
  #last = process.cpuUsage();

  lap(): number {
    const { user, system } = process.cpuUsage(this.#last);
    this.#last = process.cpuUsage();
    return (user + system) / 1e6;
  }
}
