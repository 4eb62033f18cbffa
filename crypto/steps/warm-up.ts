import type { Ring } from '../ring/kernels.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { Planes } from '../ring/planes.ts';
import { batchesOf, signBytes, tableBytes } from '../sign/batch.ts';
import {
  clientReply,
  messageBytes,
  replyBytes,
  serverFinish,
  serverMessage,
} from './activation/activation.ts';
import type { ClientActivation, ServerActivation } from './activation/activation.ts';
import { eachKind, kindsInOrder, layerOf, elementCount } from './activation/layer.ts';
import type { Layer } from './activation/layer.ts';
import { linearOnline } from './linear.ts';
import { windowBits } from './activation/window.ts';
import { inputElements, outputElements, elementKinds } from '../spec.ts';
import type { ActivationSpec, ByKind, LinearSpec } from '../spec.ts';

/**
 * Runs the client's online half on made-up layers of zeros, so that its loops are compiled before there is an
 * image. Otherwise the first inference of a process pays for that while somebody waits. No secrets are
 * involved, and nothing is sent.
 */
export async function warmUpClient(): Promise<void> {
  if (warm.client) return;
  warm.client = true;
  const layer = layerOf(mixedSpec);
  const planes = await loadPlanes();
  const message = new Uint8Array(messageBytes(mixedSpec));
  for (let i = 0; i < repetitions; i++) clientReply(clientState(planes, layer), message);
}

/** Warming up once per process is enough. */
const warm = { client: false, server: false };

/** Runs the server's online half in the same way, convolutions included. */
export async function warmUpServer(ring: Ring): Promise<void> {
  if (warm.server) return;
  warm.server = true;
  const layer = layerOf(mixedSpec);
  const planes = await loadPlanes();
  const reply = new Uint8Array(replyBytes(mixedSpec));
  const weights = { weights: new Int32Array(8 * 8 * 9), bias: new Int32Array(8) };
  const [u, s] = [new Uint32Array(inputElements(linearSpec)), new Uint32Array(outputElements(linearSpec))];
  for (let i = 0; i < repetitions; i++) {
    const state = serverState(planes, layer);
    serverMessage(state, new Uint32Array(layer.size));
    serverFinish(state, reply);
    linearOnline(ring, linearSpec, weights, u, s);
  }
}

/**
 * The number of runs that the optimising compiler needs. On two busy cores the slowest loop of a first
 * inference took 147 ms without warming up and 15 ms with it.
 */
const repetitions = 4;

const channels = 4;
const one = (value: number) => new Int32Array(channels).fill(value);
const channelSize = 2048;

/** Of four elements: half are ReLUs, a quarter each of the others. */
const shares: ByKind<number> = { relu: 2, affine: 1, square: 1 };
const pattern = kindsInOrder.flatMap((kind) => Array<number>(shares[kind]).fill(elementKinds[kind]));

/** All truncated. */
const mixedSpec: ActivationSpec = {
  channels,
  channelSize,
  kinds: Uint8Array.from({ length: channels * channelSize }, (_, i) => pattern[i % pattern.length]!),
  relu: { truncate: 8, k: 8, bits: 20, mode: 'posZero' },
  affine: { truncate: 8, multiplier: one(1), offset: one(0) },
  square: {
    ...{ truncate: 8, multiplier: one(1), offset: one(0), constant: one(0) },
    sign: new Int8Array(channels).fill(1),
  },
};

const linearSpec: LinearSpec = {
  ...{ inChannels: 8, outChannels: 8, height: 16, width: 16, kernel: [3, 3], strides: [1, 1] },
  ...{ pads: [1, 1, 1, 1], dilations: [1, 1], group: 1, weightBits: 8 },
};

const words = (count: number) => new Uint32Array(count);

function clientState(planes: Planes, layer: Layer): ClientActivation {
  const count = elementCount(layer, 'relu');
  const squares = elementCount(layer, 'square');
  const bits = windowBits(layer.spec.relu);
  return {
    layer,
    mask: words(layer.size),
    material: {
      planes,
      values: eachKind((kind) => words(elementCount(layer, kind))),
      keys: eachKind((kind) => words(elementCount(layer, kind))),
      relu: {
        ...{ b: new Uint8Array(count), kb: words(count), pairs: { k0: words(count), k1: words(count) } },
        signs: batchesOf(count).map((size) => new Uint8Array(tableBytes(bits, size))),
      },
      product: { u: words(squares), product: words(squares) },
    },
  };
}

function serverState(planes: Planes, layer: Layer): ServerActivation {
  const count = elementCount(layer, 'relu');
  const squares = elementCount(layer, 'square');
  const bits = windowBits(layer.spec.relu);
  const pairs = (n: number) => ({ k0: words(n), k1: words(n) });
  const batches = batchesOf(count).map((size) => ({
    tables: new Uint8Array(tableBytes(bits, size)),
    choices: new Uint8Array(signBytes(bits, size)),
  }));
  return {
    layer,
    material: {
      planes,
      pairs: eachKind((kind) => pairs(elementCount(layer, kind))),
      relu: { signs: { batches, e: new Uint8Array(count), h: words(count) }, pairs: pairs(count) },
      product: { a: words(squares), product: words(squares) },
    },
    waiting: undefined,
  };
}
