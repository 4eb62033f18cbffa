import { cpus } from 'node:os';
import { HeClient, HeServer, linearCost } from '../../crypto/he/linear.ts';
import { seedPartBytes } from '../../crypto/he/keys.ts';
import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import { linearOnline } from '../../crypto/steps/linear.ts';
import { inputElements, outputElements } from '../../crypto/spec.ts';
import type { LinearSpec } from '../../crypto/spec.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { activationCosts } from './activation.ts';
import { nonNegativeLeastSquares } from './least-squares.ts';
import { randomWeights, squareConvolution } from './linear.ts';
import { transferCosts } from './transfers.ts';
import { registerMultiplications } from '../cost/work.ts';
import type { MachineCosts } from '../cost/machine.ts';

export type MachineBench = {
  /** A pool of one thread, so that processor time is that of the work. */
  readonly pool: WorkerPool;
  /** The two ends of a connection like that of the program's own processes. */
  readonly channels: readonly [Channel, Channel];
  readonly rng?: Rng;
  readonly onProgress?: OnProgress;
};

/**
 * Measures the units of `MachineCosts` with the protocol's own functions. It measures processor time and not
 * wall time, so that other load on the machine changes little. It takes some seconds and verifies nothing.
 */
export async function measureMachine({
  pool,
  channels,
  rng = systemRng,
  onProgress = silent,
}: MachineBench): Promise<MachineCosts> {
  const tick = (done: number, now: string) => onProgress({ phase: 'machine-costs', done, total: 5, now });
  const he = await parties(pool, rng);
  tick(0, 'linear layers');
  const linear = await linearCosts(he, rng);
  tick(1, 'transfers');
  const transfers = await transferCosts(rng);
  tick(2, 'activations');
  const activation = await activationCosts(rng);
  tick(3, 'convolutions in the ring');
  const ring = await ringCosts(rng);
  tick(4, 'messages');
  const transport = await transportCosts(channels);
  he.client.close();
  return {
    machine: cpus()[0]?.model ?? 'unknown',
    date: new Date().toISOString().slice(0, 10),
    cores: navigator.hardwareConcurrency,
    ...{ linear, transfers, activation, ring, transport },
  };
}

/**
 * The processor seconds that `work` takes in all threads of this process: the least of `runs` (default: 3),
 * because garbage collection and compilation slow down the others.
 */
export async function processorSeconds(work: () => unknown, runs = 3): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < runs; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return least;
}

type Parties = { readonly client: HeClient; readonly server: HeServer };

async function parties(pool: WorkerPool, rng: Rng): Promise<Parties> {
  const client = await HeClient.create(pool);
  const parts = { client: rng.bytes(seedPartBytes), server: rng.bytes(seedPartBytes) };
  return { client, server: await HeServer.create(pool, await client.publicKey(parts), parts) };
}

/** Milliseconds each, so many runs: what a thread passes to another costs as much as some of the work. */
const linearRuns = 15;

type LinearTimes = {
  readonly encrypt: number;
  readonly respond: number;
  readonly decrypt: number;
  readonly first: number;
};

/**
 * Four layers for the four unknowns of an answer: mostly products, mostly inputs, mostly outputs, and almost
 * nothing.
 */
const linearSpecs: readonly LinearSpec[] = [
  squareConvolution(128, 16, 3),
  { ...squareConvolution(32, 64, 1), outChannels: 1 },
  { ...squareConvolution(1, 64, 1), outChannels: 32 },
  squareConvolution(1, 4, 1),
];

async function linearCosts(he: Parties, rng: Rng): Promise<MachineCosts['linear']> {
  const times: LinearTimes[] = [];
  for (const [i, spec] of linearSpecs.entries()) times.push(await linearTimes(he, spec, `bench ${i}`, rng));
  const costs = linearSpecs.map(linearCost);
  const rows = costs.map((cost) => [1, cost.requestCiphertexts, cost.products, cost.responseCiphertexts]);
  const [layer, readInput, product, respondOutput] = nonNegativeLeastSquares(
    rows,
    times.map(({ respond }) => respond),
  ) as [number, number, number, number];
  const total = (of: (time: LinearTimes) => number) => times.reduce((sum, time) => sum + of(time), 0);
  const count = (of: (cost: (typeof costs)[number]) => number) =>
    costs.reduce((sum, cost) => sum + of(cost), 0);
  return {
    encryptInput: total(({ encrypt }) => encrypt) / count(({ requestCiphertexts }) => requestCiphertexts),
    decryptOutput: total(({ decrypt }) => decrypt) / count(({ responseCiphertexts }) => responseCiphertexts),
    transformWeight:
      Math.max(
        0,
        total(({ first, respond }) => first - respond),
      ) / count(({ products }) => products),
    ...{ layer, readInput, product, respondOutput },
  };
}

async function linearTimes(
  { client, server }: Parties,
  spec: LinearSpec,
  name: string,
  rng: Rng,
): Promise<LinearTimes> {
  const input = randomWords(rng, inputElements(spec));
  const weights = randomWeights(spec, rng);
  const request = await client.encrypt(spec, input);
  const respond = (run: string) => server.respond(spec, `${name}, ${run}`, weights, request);
  const { response } = await respond('warm');
  let fresh = 0;
  const least = (work: () => unknown) => processorSeconds(work, linearRuns);
  return {
    first: await least(() => respond(`weights ${fresh++}`)),
    encrypt: await least(() => client.encrypt(spec, input)),
    respond: await least(() => respond('warm')),
    decrypt: await least(() => client.decrypt(spec, response)),
  };
}

/** The costs in the ring, from a layer with many multiplications per output element and one with few. */
async function ringCosts(rng: Rng): Promise<MachineCosts['ring']> {
  const ring = await loadRing();
  const specs = [squareConvolution(64, 16, 3), squareConvolution(8, 64, 1)];
  const rows = specs.map((spec) => [registerMultiplications(spec), outputElements(spec)]);
  const times: number[] = [];
  for (const spec of specs) {
    const weights = { weights: randomWeights(spec, rng), bias: new Int32Array(spec.outChannels) };
    const [u, s] = [randomWords(rng, inputElements(spec)), randomWords(rng, outputElements(spec))];
    const times20 = () => {
      for (let i = 0; i < 20; i++) linearOnline(ring, spec, weights, u, s);
    };
    times.push((await processorSeconds(times20)) / 20);
  }
  const [multiplication, element] = nonNegativeLeastSquares(rows, times) as [number, number];
  return { multiplication, element };
}

async function transportCosts([near, far]: readonly [Channel, Channel]): Promise<MachineCosts['transport']> {
  const size = 4 * 2 ** 20;
  let step = 0;
  const send = async (from: Channel, to: Channel, bytes: number) => {
    step++;
    const received = to.receive(tags.tables, step, bytes);
    await from.send(tags.tables, step, new Uint8Array(bytes));
    await received;
  };
  const times = (count: number, from: Channel, to: Channel, bytes: number) => async () => {
    for (let i = 0; i < count; i++) await send(from, to, bytes);
  };
  const message = (await processorSeconds(times(200, near, far, 0))) / 200;
  const byte = async (from: Channel, to: Channel) =>
    Math.max(0, (await processorSeconds(times(4, from, to, size))) / 4 - message) / size;
  return { byteUp: await byte(near, far), byteDown: await byte(far, near), message };
}
