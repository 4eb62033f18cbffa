import { parseArgs } from 'node:util';
import { pixels } from '../../models/data/dataset.ts';
import { loadDataset } from '../../models/data/dataset.ts';
import { loadModel } from '../../models/files/read.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { parseProfiles } from '../../pipelines/cost/profiles.ts';
import { connect } from '../../src/client.ts';
import type { Session } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import * as format from '../../src/shared/format.ts';
import { median } from '../../src/shared/median.ts';

/**
 * What a batch saves: seconds per image of `inferAll` against as many single `infer`s of the same session,
 * one after the other and in turns, both parties in this process with one thread each. It verifies nothing.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '3' },
    profile: { type: 'string', default: 'loopback,wan' },
  },
});
const [count, rounds] = [Number(values.count), Number(values.rounds)];

async function secondsEach(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000 / count;
}

async function single(session: Session, images: readonly Float32Array[]): Promise<void> {
  for (const image of images) await session.infer(image);
}

const model = await loadModel('zoo:fashion-resnet8');
const test = await loadDataset('fashion-mnist-part', 'test');
const images = Array.from({ length: count }, (_, i) => pixels(test, [i]));
const calibration = await loadDataset('fashion-mnist-part', 'train');
const { plan, weights } = await prepare(model, { calibration });
const server = await startServer({ plan, weights, port: 0, threads: 1 });
for (const profile of parseProfiles(values.profile)) {
  const session = await connect(server.url, { profile, threads: 1 });
  await session.inferAll(images.slice(0, 2));
  const [alone, together]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    alone.push(await secondsEach(() => single(session, images)));
    together.push(await secondsEach(() => session.inferAll(images)));
  }
  const [one, all] = [median(alone), median(together)];
  console.log(
    `${profile.name}: ${format.duration(one)} an image alone, ${format.duration(all)} of ${count} together: ` +
      `${(one / all).toFixed(2)} times as fast (median of ${rounds})`,
  );
  await session.close();
}
await server.close();
