// `npm run test:soak`: what a server must hold under load, on loopback with bounded loops. It prints a line
// for each promise with what was measured, and ends with 1 if one was not kept. It wants a quiet machine;
// --short is a trial, --only NAME runs one part: crowd, load, beside, memory or cuts, and --count N sets how many
// inferences or cut sessions the last two take.
import { parseArgs } from 'node:util';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { connect } from '../../src/client.ts';
import type { Session } from '../../src/client.ts';
import { Child } from '../../src/shared/child-process.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { median } from '../../src/shared/median.ts';
import { tinyImage } from '../helpers/networks/networks.ts';
import { cutSession } from '../protocol/cut-session.ts';
import { zeros } from './messages.ts';
import type { Measured, Others, OthersAsk, Start } from './messages.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
    count: { type: 'string' },
  },
});
const usual = values.short
  ? { clients: 10, each: 2, many: 4, load: 12, rounds: 2, inferences: 30, cuts: 5 }
  : { clients: 100, each: 3, many: 16, load: 160, rounds: 6, inferences: 500, cuts: 1000 };
const count = values.count === undefined ? undefined : Number(values.count);
const sizes = count === undefined ? usual : { ...usual, inferences: count, cuts: count };

const child = new Child<Start, Measured>({
  program: new URL('server-main.ts', import.meta.url).href,
  name: 'server',
});
const pool = new ThreadPool(1);
const measure = () => child.ask('measured', { kind: 'measure' });
const { url } = await measure();
const image = tinyImage();
const open = () => connect(url, { pool, retrySeconds: 120 });

const first = await open();
const expected = (await first.infer(image)).logits!;
await first.close();

let broken = 0;
function promise(kept: boolean, words: string): void {
  if (!kept) broken++;
  process.stdout.write(`${kept ? 'kept   ' : 'BROKEN '} ${words}\n`);
}

/** Where it is, for who waits; not part of the results. */
function progress(words: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${words}\n`);
}

/** Truncation is random: two runs differ by some units of the last place before the last layer. */
function isRight(logits: Float32Array): boolean {
  return expected.every((value, i) => Math.abs(value - logits[i]!) < 8);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** So many inferences of one session, with time to think between them; how many answers were right. */
async function inferences(session: Session, count: number, think: number): Promise<number> {
  let right = 0;
  for (let i = 0; i < count; i++) {
    if (isRight((await session.infer(image)).logits!)) right++;
    await pause(think * Math.random());
  }
  return right;
}

async function crowd(clients: number, each: number): Promise<void> {
  const right = await Promise.all(
    Array.from({ length: clients }, async () => {
      const session = await open();
      const found = await inferences(session, each, 1000);
      await session.close();
      return found;
    }),
  );
  const total = right.reduce((sum, count) => sum + count, 0);
  const { refused } = await measure();
  promise(
    total === clients * each,
    `${clients} clients at once, ${each} inferences each: ${total} of ${clients * each} answers right, refused: ${JSON.stringify(refused)}`,
  );
}

/** Inferences a second with so many clients; the largest delay that 99 % of the event loop's turns kept. */
async function throughput(clients: number, total: number): Promise<{ rate: number; delayP99: number }> {
  const sessions = await Promise.all(Array.from({ length: clients }, open));
  await measure();
  const start = performance.now();
  await Promise.all(sessions.map((session) => inferences(session, Math.ceil(total / clients), 0)));
  const rate = total / ((performance.now() - start) / 1000);
  const { delayP99 } = await measure();
  await Promise.all(sessions.map((session) => session.close()));
  return { rate, delayP99 };
}

async function load(many: number, total: number): Promise<void> {
  const [few, eight, all] = [
    await throughput(2, total),
    await throughput(8, total),
    await throughput(many, total),
  ];
  const share = all.rate / few.rate;
  promise(
    share >= 0.9,
    `${many} clients: ${all.rate.toFixed(1)} inferences/s, 2 clients: ${few.rate.toFixed(1)}, ${share.toFixed(2)} of it (0.9 or more)`,
  );
  promiseDelay('8 clients', eight.delayP99);
}

function promiseDelay(when: string, p99: number): void {
  promise(p99 <= 50, `${when}: event-loop delay p99 ${p99.toFixed(1)} ms (50 or less)`);
}

/**
 * Bytes that the server's memory grows by for each unit of work, by least squares over the second half. It is
 * measured when no work is under way.
 */
async function slope(name: string, units: number, atOnce: number, work: () => Promise<void>): Promise<void> {
  const samples: [number, number][] = [];
  const step = Math.max(1, Math.floor(units / 20));
  for (let done = 0; done < units; done += step) {
    const end = Math.min(done + step, units);
    for (let at = done; at < end; at += atOnce) {
      await Promise.all(Array.from({ length: Math.min(atOnce, end - at) }, work));
    }
    const { memory } = await measure();
    const held = memory.heapUsed + memory.external;
    progress(`${end} of ${units} ${name}: the server holds ${(held / 1e6).toFixed(2)} MB`);
    if (done >= units / 2) samples.push([done, held]);
  }
  const [meanX, meanY] = [0, 1].map(
    (at) => samples.reduce((sum, pair) => sum + pair[at]!, 0) / samples.length,
  );
  const covariance = samples.reduce((sum, [x, y]) => sum + (x - meanX!) * (y - meanY!), 0);
  const variance = samples.reduce((sum, [x]) => sum + (x - meanX!) ** 2, 0);
  const bytes = covariance / variance;
  promise(
    bytes < 20_000,
    `${units} ${name}: memory grows by ${Math.round(bytes)} bytes for each (below 20,000)`,
  );
}

/**
 * Median seconds of one client's online phases, alone and beside clients that prepare without a pause, and the
 * server's event loop meanwhile. The others stand for clients on machines of their own, so they take only what
 * the server and the client that is timed leave of this one. At the same priority they took the two cores for
 * themselves: that client then waited 2 to 3 times as long even when they asked another server.
 */
async function beside(rounds: number): Promise<void> {
  const others = new Child<OthersAsk, Others>({
    program: new URL('others-main.ts', import.meta.url).href,
    args: [url, '4'],
    within: ['nice', '-n', '19'],
    name: 'other clients',
  });
  const session = await connect(url, { pool, model: 'zoo', retrySeconds: 120 });
  const seconds: Record<OthersAsk['kind'], number[]> = { rest: [], run: [] };
  const [counts, delays]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2 * rounds; round++) {
    const kind = round % 2 === 0 ? 'rest' : 'run';
    // Both kinds prepare while the others rest.
    await others.ask('others', { kind: 'rest' });
    for (let i = 0; i < 8; i++) await session.prepare();
    const { answers } = await others.ask('others', { kind });
    await measure();
    for (let i = 0; i < 8; i++) {
      await pause(500);
      const { online } = await session.infer(zeros(session.inputShape));
      seconds[kind].push(online.seconds);
    }
    const { delayP99 } = await measure();
    const after = await others.ask('others', { kind: 'rest' });
    if (kind === 'rest') continue;
    counts.push(after.answers - answers);
    delays.push(delayP99);
  }
  await session.close();
  await others.stop();
  const [alone, among] = [median(seconds.rest), median(seconds.run)];
  const share = among / alone;
  const answered = counts.reduce((sum, count) => sum + count, 0);
  promise(
    share <= 1.5,
    `online beside 4 clients that prepare: ${(1000 * among).toFixed(0)} ms, alone: ${(1000 * alone).toFixed(0)} ms, ${share.toFixed(2)} of it (1.5 or less); the others got ${answered} answers`,
  );
  promiseDelay('beside them', median(delays));
}

async function memory(count: number): Promise<void> {
  const session = await open();
  await slope('inferences', count, 1, async () => void (await session.infer(image)));
  await session.close();
}

async function cuts(count: number): Promise<void> {
  let frame = 0;
  const server = { url, reload: () => undefined, close: () => Promise.resolve() };
  // Half of the time is base transfers in the main threads of two processes.
  await slope('sessions, each cut at another frame', count, 4, async () => {
    await cutSession(server, pool, 1 + (frame++ % 40));
  });
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  crowd: () => crowd(sizes.clients, sizes.each),
  load: () => load(sizes.many, sizes.load),
  beside: () => beside(sizes.rounds),
  memory: () => memory(sizes.inferences),
  cuts: () => cuts(sizes.cuts),
};
const chosen = Object.keys(parts).filter((name) => values.only === undefined || values.only === name);
if (chosen.length === 0) {
  throw new UsageError(`--only: expected ${Object.keys(parts).join(', ')}, got ${values.only}`);
}
for (const [i, name] of chosen.entries()) {
  progress(`part ${i + 1} of ${chosen.length}: ${name}`);
  await parts[name]!();
}
await child.stop();
await pool.close();
process.exitCode = broken === 0 ? 0 : 1;
