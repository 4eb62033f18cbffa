import { linearExchangeBytes } from '../../crypto/he/linear.ts';
import { requestBytes, responseBytes } from '../../crypto/steps/linear.ts';
import { clientTransfers } from '../../crypto/steps/activation/messages.ts';
import { countElements } from '../../crypto/steps/activation/layer.ts';
import { windowBits } from '../../crypto/steps/activation/window.ts';
import { givenBy, keptIndexBytes } from '../../crypto/ot/silent-sets.ts';
import { partsAhead, rowWords } from '../../crypto/ot/transfers.ts';
import { signBytes, stringBytes, tableBytes } from '../../crypto/sign/batch.ts';
import { weightCount } from '../../crypto/spec.ts';
import type { ActivationSpec, LinearSpec } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import { clientCaches, serverCaches } from '../inference/caches.ts';
import type { Caches } from '../inference/caches.ts';
import { activationSteps } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * Peak memory of the two parties' processes in an inference, from the plan: what they hold when the offline
 * phase is at its largest. Keys of all layers are made before the first table may be sent, so that all are
 * held at once; then the tables and strings made of them take their place. Of the ciphertexts of a layer, one
 * exchange is held, and beside it what a party of which the other is ahead has not read yet.
 *
 * The sizes of arrays are exact. What a process takes beside them was measured: 2 cores of an AMD EPYC, Node
 * 24.21, beside other work, 2026-11-29.
 */
export type Memory = { readonly client_bytes: number; readonly server_bytes: number };

/**
 * Bytes of a process without a session, of each thread (its own code, heap and kernels), and of a session
 * beside its rows.
 */
const measured = { client: 210e6, server: 190e6, thread: 55e6, session: 32e6 };

/** Bytes of frames that a party holds unread before it stops reading (src/net/web-socket-channel.ts). */
export const mostUnread: number = 64 * 2 ** 20;

/** The allocator keeps some of what is freed: peak over the sum of the arrays. */
const slack = 1.2;

/** And of arrays below 32 MB as much again as they take, up to this. */
const mostKept = 100e6;

export type MemoryOptions = {
  /** Of each party (default: 2). */
  readonly threads?: number;
  /** Bytes of the caches of each party (default: `defaultCaches`). */
  readonly memory?: number;
};

export function predictMemory(plan: Plan, { threads = 2, memory }: MemoryOptions = {}): Memory {
  const layers = activationSteps(plan).map(({ spec }) => spec);
  const linear = plan.steps.flatMap((step) => (step.kind === 'linear' ? [step.spec] : []));
  const shares = 4 * plan.wires.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const most = (of: (spec: LinearSpec) => number) => Math.max(0, ...linear.map(of));
  const exchange = most(linearExchangeBytes);
  const unread = (of: (spec: LinearSpec) => number) => Math.min(mostUnread, most(of));
  const weights = 4 * linear.reduce((sum, spec) => sum + weightCount(spec), 0);
  const [ofClient, ofServer] = [clientCaches(memory, threads), serverCaches(memory, threads)];
  const tiles = Math.min(ofServer.weightBytes, 12 * weights);
  const client = largest(layers.map(clientLayer)) + shares;
  const server = largest(layers.map(serverLayer)) + shares / 2;
  const fixed = measured.session + 2 * exchange;
  return {
    client_bytes: Math.round(
      measured.client + fixed + unread(responseBytes) + cacheBytes(ofClient, threads) + withSlack(client),
    ),
    server_bytes: Math.round(
      measured.server +
        fixed +
        unread(requestBytes) +
        cacheBytes(ofServer, threads) +
        tiles +
        weights +
        withSlack(server),
    ),
  };
}

/** Threads with the indices of their code, and the rows that are made ahead in both directions. */
function cacheBytes({ aheadBytes, indices }: Omit<Caches, 'weightBytes'>, threads: number): number {
  const thread = measured.thread - (indices === 'kept' ? 0 : keptIndexBytes);
  const rows = givenBy('s16');
  return threads * thread + 2 * partsAhead(rows, aheadBytes) * 4 * rowWords * rows;
}

function withSlack(bytes: number): number {
  return slack * bytes + Math.min(mostKept, bytes);
}

/** Bytes of a layer's material: keys ahead, and what is kept of them. */
type Held = { readonly keys: number; readonly kept: number };

/** All keys before the first table, or all that is kept after the last: whichever is more. */
function largest(layers: readonly Held[]): number {
  const total = (of: keyof Held) => layers.reduce((sum, layer) => sum + layer[of], 0);
  return Math.max(total('keys'), total('kept'));
}

/** C: both keys of each transfer and two words; then tables and strings, and its shares by kind. */
function clientLayer(spec: ActivationSpec): Held {
  const { relu } = countElements(spec.kinds);
  const bits = windowBits(spec.relu);
  // A choice takes a byte, its key a word.
  const chosen = 5 * clientTransfers(spec);
  return {
    keys: chosen + 2 * stringBytes(bits, relu) + 8 * relu,
    kept: chosen + stringBytes(bits, relu) + tableBytes(bits, relu) + 8 * relu + 4 * spec.kinds.length,
  };
}

/** S: the chosen keys, choices, e_S and a word; both words of the transfers that it offers. */
function serverLayer(spec: ActivationSpec): Held {
  const { relu } = countElements(spec.kinds);
  const bits = windowBits(spec.relu);
  const offered = 8 * clientTransfers(spec);
  const own = signBytes(bits, relu) + 5 * relu;
  return {
    keys: offered + own + stringBytes(bits, relu),
    kept: offered + own + stringBytes(bits, relu) + tableBytes(bits, relu),
  };
}
