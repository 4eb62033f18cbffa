import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HeClient, HeServer } from '../../../crypto/he/linear.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { asBytes } from '../../../crypto/bits.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { share } from '../../../crypto/share.ts';
import { clientReply, serverMessage } from '../../../crypto/steps/activation/activation.ts';
import {
  heSetupClient,
  heSetupServer,
  linearOfflineClient,
  linearOfflineServer,
} from '../../../crypto/steps/linear.ts';
import { inputElements } from '../../../crypto/spec.ts';
import type { ActivationSpec, LinearSpec } from '../../../crypto/spec.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { offlineClient, offlineServer, reluSpec, someSpec, someValues } from '../../helpers/protocol/activation.ts';
import { convolution, randomWeights } from '../../helpers/protocol/convolution.ts';
import { dealtOt } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { frameRow, recording } from '../../helpers/protocol/wire.ts';
import { expectWithinOne } from '../../helpers/protocol/within-one.ts';

/**
 * The bytes of every step on file. A refactor moves no row; a change of the protocol moves it on purpose
 * (`vitest -u`), with a new protocolVersion. Homomorphic encryption draws fresh randomness: of its messages the
 * lengths are held, and in place of their bytes what is in them: for a request what was encrypted, for a response
 * what comes out, both as words (of a linear step what the shares add up to, less its off-by-ones).
 */
const pool = new ThreadPool(1);
const ring = await loadRing();
let heC: HeClient;
let heS: HeServer;
let keyRows: string[] = [];
beforeAll(async () => {
  const [a, b] = memoryChannels();
  const rows: string[] = [];
  [heC, heS] = await Promise.all([
    heSetupClient(pool, recording(a, 'client', rows), 0, seededRng('keys of the client')),
    heSetupServer(pool, recording(b, 'server', rows), 0, seededRng('keys of the server')),
  ]);
  keyRows = rows.map((row) => (row.includes('hePublicKey') ? lengthOnly(row) : row));
});
afterAll(() => pool.close());

/** A row without the hash of its bytes, which are random. */
const lengthOnly = (row: string) => row.replace(/ \S+$/, '');

/** Runs both halves over recorded channels: rows of the client, then of the server. */
async function rowsOf(
  run: (toServer: Channel, toClient: Channel) => Promise<unknown>,
): Promise<{ client: string[]; server: string[] }> {
  const [a, b] = memoryChannels();
  const rows = { client: [] as string[], server: [] as string[] };
  await run(recording(a, 'client', rows.client), recording(b, 'server', rows.server));
  return rows;
}

async function linear(spec: LinearSpec): Promise<string[]> {
  const rng = seededRng('wire linear');
  const [input, weights] = [randomWords(rng, inputElements(spec)), randomWeights(rng, spec)];
  let [mine, theirs] = [new Uint32Array(), new Uint32Array()];
  const { client, server } = await rowsOf(async (toServer, toClient) => {
    [mine, theirs] = await Promise.all([
      linearOfflineClient(heC, toServer, 1, spec, input),
      linearOfflineServer(heS, toClient, 1, spec, 'wire', weights),
    ]);
  });
  const exact = ring.conv(spec, weights, input);
  const sum = mine.map((word, i) => word + theirs[i]!);
  expectWithinOne(sum, exact);
  return [
    ...[...client, ...server].map(lengthOnly),
    frameRow('inside', 1, 'W r', asBytes(exact)),
    frameRow('inside', 1, 'r', asBytes(input)),
  ];
}

async function activation(spec: ActivationSpec): Promise<string[]> {
  const rng = seededRng('wire activation');
  const x = share(someValues(spec.kinds.length, 25, rng), rng);
  const [otC, otS] = await dealtOt(rng);
  const clientRng = seededRng('wire client');
  const online: string[] = [];
  const { client, server } = await rowsOf(async (toServer, toClient) => {
    const [stateC, stateS] = await Promise.all([
      offlineClient(toServer, 1, otC, spec, x.client, clientRng),
      offlineServer(toClient, 1, otS, spec),
    ]);
    const message = serverMessage(stateS, x.server);
    online.push(frameRow('server', 1, 'activation', message));
    online.push(frameRow('client', 1, 'activation', clientReply(stateC, message)));
  });
  return [...client, ...server, ...online];
}

const depthwise = { ...convolution(6, 6, 9, 3, 2), group: 6 };
const exact = { ...reluSpec(0, 'posZero', 0), bits: 31 };
const of = (kinds: 'relu' | 'affine' | 'square', relu = reluSpec(6)) =>
  someSpec(kinds, 40, seededRng('wire spec'), relu);

const steps: Readonly<Record<string, () => Promise<string[]>>> = {
  'keys of a session': () => Promise.resolve(keyRows),
  'linear 3 -> 5, 3x3 on 8x8': () => linear(convolution(3, 5, 8, 3)),
  'linear 300 -> 7, fully connected': () => linear(convolution(300, 7, 1, 1)),
  'linear depthwise, stride 2': () => linear(depthwise),
  'relu, window [6, 26], cut by 8': () => activation(of('relu')),
  'relu, window [6, 26], cut by 8, small negatives pass': () => activation(of('relu', reluSpec(6, 'negPass'))),
  'relu, exact, nothing cut': () => activation(of('relu', exact)),
  affine: () => activation(of('affine')),
  square: () => activation(of('square')),
};

test('the bytes of every step are those on file', async () => {
  const file: string[] = [];
  for (const [name, rows] of Object.entries(steps)) file.push(`# ${name}`, ...(await rows()), '');
  await expect(file.join('\n')).toMatchFileSnapshot('steps.txt');
});
