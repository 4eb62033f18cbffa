import { MeteredChannel } from '../../crypto/channel/meter.ts';
import type { Role, StepCost } from '../../pipelines/inference/step-clock.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { ProtocolError } from '../shared/errors.ts';
import { maxHeld } from './messages.ts';

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
): Promise<T & { cost: PhaseCost }> {
  const start = performance.now();
  const view = new MeteredChannel(channel);
  const result = await phase(view);
  const { sent, received } = view.traffic;
  const [bytes_up, bytes_down] = role === 'client' ? [sent, received] : [received, sent];
  const seconds = (performance.now() - start) / 1000;
  return { ...result, cost: { seconds, bytes_up, bytes_down, steps: result.costs } };
}

/**
 * What the client asks for next. `prepare` starts an offline phase, and `infer` starts the online phases of
 * the prepared inferences of these numbers, side by side: see `abreast`.
 */
export type Request =
  | { readonly kind: 'goodbye' }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'infer'; readonly numbers: readonly number[] };

const kinds = ['goodbye', 'prepare', 'infer'] as const;

/**
 * The payload of a `request`, which no phase counts: the kind, one byte, and the numbers, u32 little-endian;
 * a single zero where there are none. The step number of the frame counts the requests of the connection.
 */
export function encodeRequest(request: Request): Uint8Array {
  const numbers = request.kind === 'infer' ? request.numbers : [0];
  const bytes = new Uint8Array(1 + 4 * numbers.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = kinds.indexOf(request.kind);
  numbers.forEach((number, i) => view.setUint32(1 + 4 * i, number, true));
  return bytes;
}

/** Receives the request that has this count. Throws ProtocolError for anything else. */
export async function receiveRequest(channel: Channel, count: number): Promise<Request> {
  const bytes = await channel.receiveUpTo(tags.request, count, 1 + 4 * maxHeld);
  const view = new DataView(bytes.buffer);
  const numbers = Array.from({ length: (bytes.byteLength - 1) >> 2 }, (_, i) =>
    view.getUint32(1 + 4 * i, true),
  );
  const isWhole = numbers.length > 0 && bytes.byteLength === 1 + 4 * numbers.length;
  const kind = isWhole ? kinds[bytes[0]!] : undefined;
  if (kind === 'infer') return { kind, numbers };
  if (kind !== undefined && numbers.join() === '0') return { kind };
  throw new ProtocolError(`request ${count}: expected goodbye, prepare or infer, got ${bytes.join(' ')}`);
}
