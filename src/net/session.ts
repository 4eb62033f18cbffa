import { MeteredChannel } from '../../crypto/channel/meter.ts';
import type { Role, StepCost } from '../../pipelines/inference/step-clock.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { ProtocolError } from '../shared/errors.ts';

/**
 * The cost of one phase at this party. Bytes include frame headers, and `up` is from the client to the
 * server.
 */
export type PhaseCost = {
  readonly seconds: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
  readonly steps: readonly StepCost[];
};

/** Runs a phase on a view of the channel and measures its cost. */
export async function measured<T extends { costs: StepCost[] }>(
  channel: Channel,
  role: Role,
  phase: (channel: Channel) => Promise<T>,
): Promise<T & { cost: PhaseCost; framesSent: number }> {
  const start = performance.now();
  const view = new MeteredChannel(channel);
  const result = await phase(view);
  const { sent, received, framesSent } = view.traffic;
  const [bytes_up, bytes_down] = role === 'client' ? [sent, received] : [received, sent];
  const seconds = (performance.now() - start) / 1000;
  return { ...result, cost: { seconds, bytes_up, bytes_down, steps: result.costs }, framesSent };
}

/**
 * What the client asks for next. `prepare` starts an offline phase, and `infer` starts an online phase on the
 * prepared inference of this number.
 */
export type Request =
  | { readonly kind: 'goodbye' }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'infer'; readonly number: number };

const kinds = ['goodbye', 'prepare', 'infer'] as const;
const requestBytes = 5;

/**
 * The payload of a `request`, which no phase counts: the kind, one byte, and the number, u32 little-endian.
 * The step number of the frame counts the requests of the connection.
 */
export function encodeRequest(request: Request): Uint8Array {
  const bytes = new Uint8Array(requestBytes);
  bytes[0] = kinds.indexOf(request.kind);
  if (request.kind === 'infer') new DataView(bytes.buffer).setUint32(1, request.number, true);
  return bytes;
}

/** Receives the request that has this count. Throws ProtocolError for anything else. */
export async function receiveRequest(channel: Channel, count: number): Promise<Request> {
  const bytes = await channel.receive(tags.request, count, requestBytes);
  const kind = kinds[bytes[0]!];
  const number = new DataView(bytes.buffer).getUint32(1, true);
  if (kind === 'infer') return { kind, number };
  if (kind !== undefined && number === 0) return { kind };
  throw new ProtocolError(`request ${count}: expected goodbye, prepare or infer, got ${bytes.join(' ')}`);
}
