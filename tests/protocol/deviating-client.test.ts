import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job, WorkerPool } from '../../crypto/pool/pool.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { frameHeaderBytes, tags } from '../../crypto/channel/channel.ts';
import { layerOf } from '../../crypto/steps/activation/layer.ts';
import { flipBytes, serverWords } from '../../crypto/steps/activation/messages.ts';
import { windowBits } from '../../crypto/steps/activation/window.ts';
import { unpackBits } from '../../crypto/bits.ts';
import { signJobs } from '../../crypto/sign/jobs.ts';
import type { ClientTablesJob } from '../../crypto/sign/jobs.ts';
import { activationSteps } from '../../pipelines/plan/plan.ts';
import type { ServerWeights } from '../../pipelines/compile/quantise.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer } from '../../src/server.ts';
import { randomWords } from '../../src/shared/random.ts';
import { randomImages } from '../helpers/data/data.ts';
import { seededRng } from '../helpers/rng.ts';
import { coinsZ, homogeneityZ, sixSigma, wordsZ } from '../helpers/statistics.ts';
import { startProxy } from './hostile/proxy.ts';

/**
 * A client that lies, over real sockets, at two servers that serve the same plan with unlike weights: all
 * that it receives but the answer has the same lengths and the same distribution at both, beside its own
 * shares too. Nothing in the protocol notices these lies, and docs/security.md says why nothing need: the
 * messages are uniform whatever the client sends. 42 pairs of messages cross six standard deviations by chance
 * once in 2 * 10^7 runs. 6,600 values beside shares would once in 10^5: one that does is looked at in another session
 * too, in which the threads draw anew, and both cross the bound once in 10^13.
 */
const pool = new ThreadPool(1);
let prepared: Prepared;
let image: Float32Array;
const servers: RunningServer[] = [];

beforeAll(async () => {
  const net = new NetworkBuilder('liar', [2, 16, 16], seededRng('liar'));
  const conv = (name: string, x: string, inChannels: number, stride: number) =>
    net.relu(`${name}.relu`, net.conv(name, x, { inChannels, channels: 16, kernel: 3, stride }));
  const last = conv('second', conv('first', net.input, 2, 1), 16, 2);
  const model = net.build(net.gemm('fc', net.flatten('flatten', net.globalAveragePool('pool', last)), 16, 4));
  const images = randomImages(model, 16, seededRng('images'));
  prepared = await prepare(model, { calibration: { images, n: 16 } });
  image = images.subarray(0, images.length / 16);
  for (const weights of [prepared.weights, otherWeights(prepared.weights)]) {
    servers.push(await startServer({ plan: prepared.plan, weights, threads: 1 }));
  }
});

afterAll(async () => {
  for (const server of servers) await server.close();
  await pool.close();
});

/** All weights the largest there is, as unlike to the network's own as the plan allows. */
function otherWeights(weights: ServerWeights): ServerWeights {
  const changed = [...weights].map(([step, own]) => {
    const largest = own.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0);
    return [step, { ...own, weights: own.weights.map(() => largest) }] as const;
  });
  return new Map(changed);
}

/** What a client does that the protocol does not say. */
type Lie = {
  /** Its share of what is tested, where it makes the strings of a batch. */
  readonly share?: (x: Uint32Array) => Uint32Array;
  /** A payload that it sends under `tag` for `step`. */
  readonly payload?: (tag: number, step: number, payload: Uint8Array) => void;
};

const lies: Readonly<Record<string, (seed: string) => Lie>> = {
  'another share in the windows': (seed) => {
    const rng = seededRng(seed);
    return { share: (x) => randomWords(rng, x.length) };
  },
  'the same share in all windows': () => ({ share: (x) => x.map(() => 0x7fff_ffff) }),
  'strings that nobody made': (seed) => {
    const rng = seededRng(seed);
    return {
      payload: (tag, step, payload) => {
        if (tag === tags.tables) spoil(payload.subarray(flipsOf(step)), rng.bytes(payload.length));
      },
    };
  },
  'strings of zeros': () => ({
    payload: (tag, step, payload) => {
      if (tag === tags.tables) payload.fill(0, flipsOf(step));
    },
  }),
  'choices of truncations flipped': () => ({
    payload: (tag, step, payload) => {
      if (tag === tags.tables)
        spoil(payload.subarray(0, flipsOf(step) - 1), new Uint8Array(flipsOf(step)).fill(0xff));
    },
  }),
  'other masked values in every answer of an activation': (seed) => {
    const rng = seededRng(seed);
    return {
      payload: (tag, _step, payload) => {
        // The last bytes hold single bits of the ReLUs; all of them are used here.
        if (tag === tags.activation) spoil(payload, rng.bytes(payload.length));
      },
    };
  },
  'a masked image of ones': () => ({
    payload: (tag, _step, payload) => {
      if (tag === tags.masked) payload.fill(0xff);
    },
  }),
};

function spoil(bytes: Uint8Array, noise: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= noise[i]!;
}

function flipsOf(step: number): number {
  const activation = activationSteps(prepared.plan).find(({ id }) => id === step)!;
  return flipBytes(layerOf(activation.spec).spec);
}

/** A pool that makes the strings of sign tests from the share of a lie. It keeps the shares there were. */
function lyingPool({ share = (x) => x }: Lie, shares: Uint32Array[]): WorkerPool {
  return {
    threads: pool.threads,
    run: <Input, Output>(job: Job<Input, Output>, input: Input, moved?: readonly ArrayBuffer[]) => {
      if (job.name !== signJobs.clientTables.name) return pool.run(job, input, moved);
      const tables = input as ClientTablesJob;
      shares.push(tables.x.slice());
      return pool.run(job, { ...tables, x: share(tables.x) } as Input);
    },
    close: () => Promise.resolve(),
  };
}

type Frame = { readonly tag: number; readonly step: number; readonly payload: Uint8Array };

/** What a lying client has after an inference. */
type View = {
  /** All frames that it received but the answer and what opens the session. */
  readonly frames: readonly Frame[];
  /** Its shares of the values that are tested for their sign, by layer. */
  readonly shares: readonly Uint32Array[];
};

async function viewOf(server: RunningServer, lie: Lie): Promise<View> {
  const frames: Frame[] = [];
  const shares: Uint32Array[] = [];
  const proxy = await startProxy(server.url, (side, _at, frame) => {
    const copy = new Uint8Array(frame);
    const [tag, step] = [copy[3]!, new DataView(copy.buffer).getUint32(4, true)];
    const payload = copy.subarray(frameHeaderBytes);
    if (side === 'client') frames.push({ tag, step, payload });
    else lie.payload?.(tag, step, payload);
    return [copy];
  });
  try {
    const session = await connect(proxy.url, { pool: lyingPool(lie, shares) });
    await session.infer(image);
    await session.close();
  } finally {
    proxy.close();
  }
  const kept = frames.filter(({ tag }) => messagesOfAnInference.has(tag));
  return { frames: kept.toSorted((a, b) => a.tag - b.tag || a.step - b.step), shares };
}

const messagesOfAnInference: ReadonlySet<number> = new Set([
  tags.linearResponse,
  tags.otExtension,
  tags.activation,
]);

const byteCounts = ({ payload }: Frame) => {
  const counts = new Uint32Array(256);
  for (const byte of payload) counts[byte]!++;
  return counts;
};

/**
 * How far the messages of the sign tests and of the ReLUs are from uniform beside what the client knows: of each
 * plane of bits xor each bit of its share in the window, and of d2 plus and minus its share.
 */
function withShares({ frames, shares }: View): number[] {
  return activationSteps(prepared.plan).flatMap(({ id, spec }) => {
    const { payload } = frames.find(({ tag, step }) => tag === tags.activation && step === id)!;
    const { d2, signs } = serverWords(payload.slice(), layerOf(spec));
    // The two layers have unlike numbers of ReLUs, each one batch.
    const x = shares.find(({ length }) => length === d2.length)!;
    const cut = x.map((word) => word >>> spec.relu.truncate);
    const planes = bitsOf(signs, signs.length / (d2.length / 8));
    const windowed = Array.from({ length: windowBits(spec.relu) }, (_, bit) =>
      Uint8Array.from(x, (word) => (word >>> (spec.relu.k + bit)) & 1),
    );
    return [
      wordsZ(d2.map((word, i) => word + cut[i]!)),
      wordsZ(d2.map((word, i) => word - cut[i]!)),
      ...planes.flatMap((plane) => windowed.map((bits) => coinsZ(plane.map((bit, i) => bit ^ bits[i]!)))),
    ];
  });
}

/** The places of the values that are beyond the bound. */
function beyond(values: readonly number[]): number[] {
  return values.flatMap((value, place) => (value < sixSigma ? [] : [place]));
}

function bitsOf(packed: Uint8Array, planes: number): Uint8Array[] {
  const length = packed.length / planes;
  return Array.from({ length: planes }, (_, i) =>
    unpackBits(packed.subarray(i * length, (i + 1) * length), 8 * length, 'plane'),
  );
}

const names = (frames: readonly Frame[]) =>
  frames.map(({ tag, step, payload }) => `${tag} of step ${step}: ${payload.length} bytes`);

test.each(Object.keys(lies))('%s: all messages but the answer are as with other weights', async (name) => {
  const views = [await viewOf(servers[0]!, lies[name]!(name)), await viewOf(servers[1]!, lies[name]!(name))];
  const [own, others] = views.map(({ frames }) => frames) as [Frame[], Frame[]];
  expect(names(own)).toEqual(names(others));
  const kinds = new Set(own.map(({ tag }) => tag));
  expect([...messagesOfAnInference].every((tag) => kinds.has(tag))).toBe(true);
  for (const [i, frame] of own.entries()) {
    const z = homogeneityZ(byteCounts(frame), byteCounts(others[i]!));
    expect(z, `message ${frame.tag} of step ${frame.step}`).toBeLessThan(sixSigma);
  }
  for (const [i, view] of views.entries()) {
    const found = beyond(withShares(view));
    const again = found.length === 0 ? [] : beyond(withShares(await viewOf(servers[i]!, lies[name]!(name))));
    expect(found.filter((place) => again.includes(place))).toEqual([]);
  }
});

test('the answer is not: it is what a client may learn', async () => {
  const answers = [];
  for (const server of servers) {
    const session = await connect(server.url, { pool });
    answers.push([...(await session.infer(image)).logits!]);
    await session.close();
  }
  expect(answers[0]).not.toEqual(answers[1]);
});
