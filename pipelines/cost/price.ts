import type { PredictedPhase } from './latency.ts';

/** What the user pays: for 10^9 bytes on the wire, and for an hour of one core, in any one currency. */
export type Prices = { readonly perGb: number; readonly perCpuHour: number };

/** Money for one inference: bytes of both directions and processor time of both parties, in all phases. */
export function priceOf(phases: readonly PredictedPhase[], { perGb, perCpuHour }: Prices): number {
  return phases.reduce((sum, phase) => {
    const cpuHours = (phase.client_cpu_seconds + phase.server_cpu_seconds) / 3600;
    return sum + ((phase.bytes_up + phase.bytes_down) / 1e9) * perGb + cpuHours * perCpuHour;
  }, 0);
}
