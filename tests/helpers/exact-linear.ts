import type { Ring } from '../../crypto/ring/kernels.ts';
import type { ClientParty, ServerParty } from '../../pipelines/inference/offline.ts';
import { expectWithinOne } from './within-one.ts';

/**
 * Two parties of one process whose linear steps have their off-by-ones taken out, after they were held to be
 * no more than that: SEAL draws its own randomness, and with it a later frame would differ from run to run.
 */
export function withExactLinear<C extends ClientParty, S extends ServerParty>(
  ring: Ring,
  client: C,
  server: S,
): [C, S] {
  const outputs = new Map<number, PromiseWithResolvers<(input: Uint32Array) => Uint32Array>>();
  const at = (step: number) => {
    const known = outputs.get(step) ?? Promise.withResolvers();
    outputs.set(step, known);
    return known;
  };
  const exactServer: S = {
    ...server,
    linear: async (channel, step, spec, weights) => {
      const mask = await server.linear(channel, step, spec, weights);
      at(step).resolve((input) => ring.conv(spec, weights.weights, input).map((word, i) => word - mask[i]!));
      return mask;
    },
  };
  const exactClient: C = {
    ...client,
    linear: async (channel, step, spec, input) => {
      const share = await client.linear(channel, step, spec, input);
      const exact = (await at(step).promise)(input);
      expectWithinOne(share, exact, `step ${step}`);
      return exact;
    },
  };
  return [exactClient, exactServer];
}
