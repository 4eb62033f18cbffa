import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { predict } from '../../models/runtime/run.ts';
import { argmax, sizeOf } from '../../models/tensor.ts';
import { noise } from '../../pipelines/bench/network.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { predictMemory } from '../../pipelines/cost/memory.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * `npm run test:large-layer`: one private answer of a network whose first layer exchanges more than 1 GiB, a
 * convolution of 48 x 48 pixels with stride 16 on a picture of 2048 x 2048, with 127,000 ReLUs after it. The
 * server is a process of its own, on loopback. The answer is held against the float network within the
 * compiler's bound; bytes and the peaks of memory stand beside what `plan` says. Ends with 1 where the answer
 * or the bytes are not as they should be. It takes a minute on two quiet cores.
 */
const input = [3, 2048, 2048];

function network() {
  const net = new NetworkBuilder('large', input, seededRng('large'));
  const unpadded = { pads: [0, 0, 0, 0] } as const;
  const sizes = { inChannels: 3, channels: 8, kernel: 48, stride: 16 };
  const stem = net.relu('stem.relu', net.conv('stem', net.input, sizes, unpadded));
  const patches = { inChannels: 8, channels: 16, kernel: 16, stride: 16 };
  const next = net.relu('next.relu', net.conv('next', stem, patches, unpadded));
  return net.build(net.gemm('head', net.flatten('flat', net.globalAveragePool('pool', next)), 16, 10));
}

function prepared(): Promise<Prepared> {
  return prepare(network(), { calibration: { images: noise(sizeOf(input)), n: 1 } });
}

const peak = () => (process.resourceUsage().maxRSS * 1024) / 1e6;

/** In a process of its own: says where it listens, and what memory it took when it is asked to end. */
async function serve(): Promise<void> {
  const server = await startServer({
    ...(await prepared()),
    onEvent: (event) => {
      if (event.kind === 'closed' && event.error !== undefined) console.log(`server: ${event.error.message}`);
    },
  });
  const before = peak();
  process.once('message', () => {
    process.send!({ peak: peak(), before });
    void server.close().then(() => process.disconnect());
  });
  process.send!(server.url);
}

async function ask(url: string, { plan, ...own }: Prepared) {
  const image = noise(sizeOf(input));
  const start = performance.now();
  const session = await connect(url);
  const { logits, offline, online } = await session.infer(image);
  await session.close();
  const seconds = (performance.now() - start) / 1000;
  // The float network takes more than the client.
  const after = peak();
  const cost = predictCost(plan);
  const clear = await predict(own.model, image, 1);
  const difference = clear.reduce((worst, y, i) => Math.max(worst, Math.abs(y - logits![i]!)), 0);
  const bound = logitErrorBound({ plan, ...own }).likely;
  const inBytes = cost.steps[0]!.offline;
  const first = offline.steps.find(({ step }) => step === cost.steps[0]!.step)!;
  const asPlanned = first.bytes_up === inBytes.bytes_up && first.bytes_down === inBytes.bytes_down;
  console.log(
    `first layer: ${first.bytes_up} bytes up and ${first.bytes_down} down, ${asPlanned ? 'as' : 'NOT as'} planned\n` +
      `offline ${offline.seconds.toFixed(1)} s, online ${online.seconds.toFixed(1)} s, ${seconds.toFixed(1)} s in all\n` +
      `a logit differs by ${difference.toPrecision(2)}, the bound is ${bound.toPrecision(2)}; ` +
      `${argmax(logits!) === argmax(clear) ? 'the same' : 'another'} label`,
  );
  return { passed: asPlanned && difference <= bound, after };
}

async function main(): Promise<void> {
  const server = fork(import.meta.filename, ['server']);
  server.once('exit', (code, signal) => console.log(`the server ended: ${signal ?? code}`));
  const [url] = (await once(server, 'message')) as [string];
  const own = await prepared();
  const before = peak();
  const { passed, after } = await ask(url, own);
  server.send('end');
  const [memory] = (await once(server, 'message')) as [{ peak: number; before: number }];
  const forecast = predictMemory(own.plan, { threads: availableParallelism() });
  const party = (name: string, { peak: most, before: start }: typeof memory, bytes: number) =>
    `${name}: peak ${most.toFixed(0)} MB, ${start.toFixed(0)} MB when the network was compiled; ` +
    `\`plan\` says ${(bytes / 1e6).toFixed(0)} MB`;
  console.log(party('server', memory, forecast.server_bytes));
  console.log(party('client', { peak: after, before }, forecast.client_bytes));
  if (!passed) process.exitCode = 1;
}

await (process.argv[2] === 'server' ? serve() : main());
