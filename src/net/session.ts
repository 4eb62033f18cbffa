import { MeteredChannel } from '../../crypto/channel/meter.ts';
import type { Role, StepCost } from '../../pipelines/inference/step-clock.ts';
import type { Channel } from '../../crypto/channel/channel.ts';

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
 * What the client asks for next: the payload of a `request`, one byte, which no phase counts. The step number
 * of the frame counts the requests of the session. `prepare` starts an offline phase, and `infer` starts an
 * online phase on the oldest prepared material.
 */
export const requests = { goodbye: 0, prepare: 1, infer: 2 } as const;
