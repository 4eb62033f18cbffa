import { concatenate } from '../../crypto/bits.ts';
import { browserPlatform } from '../../crypto/platform/browser.ts';
import { nobleGroup } from '../../crypto/platform/noble-group.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Tag } from '../../crypto/channel/channel.ts';
import { usePlatform } from '../../crypto/platform/platform.ts';
import { WebPool } from '../../crypto/worker/web-pool.ts';
import type { WorkerEnd } from '../../crypto/worker/web-thread.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { settingsFor } from '../../pipelines/cost/transfer-settings.ts';
import { transferModes } from '../../pipelines/inference/layer-transfers.ts';
import { ClientSession } from '../asking/session.ts';
import { WebSocketChannel } from '../net/web-socket-channel.ts';
import { defined } from '../shared/defined.ts';
import { UsageError } from '../shared/errors.ts';
import { systemRng } from '../shared/random.ts';
import { fetchWasm } from './assets.ts';
import { sentError } from './calls.ts';
import type { Call, Calls, OpenOptions, Opened, Reply } from './calls.ts';
import { askedThreads } from './asked-threads.ts';
import type { ThreadFailure } from './page-threads.ts';
import { BrowserSocket } from './socket.ts';

// The worker that holds a page's session, so that the page stays free.
const page = globalThis as unknown as WorkerEnd;
const poolThreads = askedThreads(page);
const platform = browserPlatform(fetchWasm).then((found) =>
  usePlatform({ ...found, senderGroup: () => Promise.resolve(nobleGroup) }),
);

/** Milliseconds between two reports of what was sent and received. */
const reportPause = 100;

let session: ClientSession | undefined;
let channel: RecordingChannel | undefined;
let reported = 0;

/** Keeps the masked image that was sent last, so that a page can show what the server saw. */
class RecordingChannel extends WebSocketChannel {
  masked = new Uint8Array(0);

  override send(tag: Tag, step: number, payload: Uint8Array, part = 0): Promise<void> {
    if (tag === tags.masked) this.masked = concatenate(part === 0 ? [payload] : [this.masked, payload]);
    return super.send(tag, step, payload, part);
  }
}

const handlers: {
  [K in keyof Calls]: (input: Calls[K]['input'], id: number) => Promise<Calls[K]['output']>;
} = {
  open,
  prepare: async () => {
    await session!.prepare();
    return undefined;
  },
  infer: async (image) => ({ ...(await session!.infer(image)), sent: channel!.masked }),
  inferAll: (images, id) =>
    session!.inferAll(images, { onAnswer: (part, index) => send({ id, index, part }) }),
  close: async () => {
    await session?.close();
    return undefined;
  },
};

page.onmessage = ({ data }) => {
  const heard = data as Call | ThreadFailure;
  if ('lostThread' in heard) poolThreads.failed(heard);
  else void answer(heard);
};
setInterval(report, reportPause);

async function answer({ id, call, input }: Call): Promise<void> {
  try {
    const output = await (handlers[call] as (input: unknown, id: number) => Promise<unknown>)(input, id);
    report();
    send({ id, output });
  } catch (error) {
    send({ id, error: sentError(error) });
  }
}

function send(reply: Reply): void {
  page.postMessage(reply, []);
}

function report(): void {
  const { sent, received } = channel?.traffic ?? { sent: 0, received: 0 };
  if (sent + received === reported) return;
  reported = sent + received;
  send({ traffic: reported });
}

async function open(options: OpenOptions): Promise<Opened> {
  const { url, threads, ahead, retrySeconds, planHash, model, token, transfers, idleSeconds } = options;
  if (transfers !== undefined && !transferModes.includes(transfers)) {
    throw new UsageError(`transfers: expected ${transferModes.join(', ')}, got ${String(transfers)}`);
  }
  await platform;
  session = await ClientSession.open({
    ...{ rng: systemRng, ahead, retry: { retrySeconds } },
    wanted: defined({ planHash, model, token, transfers }),
    open: async () => {
      const socket = new BrowserSocket(url);
      channel = new RecordingChannel(socket, defined({ idleSeconds }));
      await socket.opened;
      return channel;
    },
    pool: () => new WebPool(threads, () => poolThreads.start()),
    ownsPool: true,
  });
  const { plan, limits, inputShape } = session;
  const { offline, online } = predictCost(plan, settingsFor(plan, { mode: transfers }));
  const both = ({ bytes_up, bytes_down }: typeof offline) => bytes_up + bytes_down;
  return { plan, limits, inputShape, predicted: { offline: both(offline), online: both(online) } };
}
